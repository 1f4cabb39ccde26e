import { readFile, stat } from 'node:fs/promises';
import { createServer, connect, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { newTestDatabase } from '../support/node.ts';
import { describeWith } from '../support/services.ts';
import {
  runCli,
  runError,
  runJson,
  startCli,
  startServer,
  stopServer,
  temporaryFolder,
  type Served,
} from './support/cli.ts';
import { newTenantWithKey, request } from './support/tenant-api.ts';

/** An embedded database takes seconds to start, and much longer while other tests run. */
const slow = 240_000;

describe('a server on the embedded database', () => {
  test(
    'shows the operator token the first time only, keeps it to its owner, and finds its data again',
    { timeout: slow },
    async () => {
      await using folder = await temporaryFolder();
      const dataDir = join(folder.path, 'data');
      const first = await startServer(dataDir);
      const token = (await readFile(join(dataDir, 'operator-token'), 'utf8')).trim();
      expect(first.started.operatorToken).toBe(token);
      const modes = await Promise.all(
        ['.', 'operator-token', 'master-key'].map((name) => stat(join(dataDir, name))),
      );
      expect(modes.map(({ mode }) => (mode & 0o777).toString(8))).toEqual(['700', '600', '600']);
      const { tenant, key } = await newTenantWithKey(dataDir, 'acme');
      const { id } = (await (
        await request(first, key, '/v1/documents', { title: 'a', content: 'b' })
      ).json()) as { id: string };
      const { code, stdout } = await stopServer(first, 'SIGINT');
      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ dataDir, operatorToken: token });

      const second = await startServer(dataDir);
      expect(second.started.operatorToken).toBeUndefined();
      expect(second.stdout() + second.stderr()).not.toContain(token);
      expect((await request(second, key, `/v1/documents/${id}`)).status).toBe(200);
      await expect(runJson(['tenant', 'show', 'acme', '--data-dir', dataDir])).resolves.toMatchObject({
        id: tenant.id,
      });
      const inUse = await runError(['serve', '--data-dir', dataDir]);
      expect([inUse.code, inUse.exitCode, inUse.ended.code]).toEqual(['data_dir_in_use', 5, 5]);
      await stopServer(second);
    },
  );

  test(
    'killed in the middle of writes, it loses nothing that was acknowledged',
    { timeout: slow },
    async () => {
      await using folder = await temporaryFolder();
      await killInTheMiddle(folder.path, {});
    },
  );
});

describeWith('postgres', 'a server on PostgreSQL', (url) => {
  test(
    'killed in the middle of writes, it loses nothing that was acknowledged',
    { timeout: slow },
    async () => {
      await using folder = await temporaryFolder();
      await using database = await newTestDatabase(url);
      await killInTheMiddle(folder.path, { BULKHEAD_DATABASE_URL: database.url });
    },
  );

  test(
    'a second signal ends it at once, though a request is still under way',
    { timeout: slow },
    async () => {
      await using folder = await temporaryFolder();
      await using database = await newTestDatabase(url);
      const server = await startServer(folder.path, {
        BULKHEAD_DATABASE_URL: database.url,
        BULKHEAD_DRAIN_MS: '60000',
      });
      const held = await holdRequest(server);
      server.child.kill('SIGTERM');
      // Two signals that come too close to each other are one.
      await expect.poll(() => isListening(server), { timeout: 20_000 }).toBe(false);
      expect(server.child.exitCode).toBe(null);
      const { code } = await stopServer(server, 'SIGTERM');
      expect(code).toBe(143);
      held.destroy();
    },
  );

  test('a port that is taken is told with what to do', { timeout: slow }, async () => {
    await using folder = await temporaryFolder();
    await using database = await newTestDatabase(url);
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const env = { BULKHEAD_DATABASE_URL: database.url };
    const { code, hint, ended } = await runError(
      ['serve', '--data-dir', folder.path, '--port', String(port)],
      env,
    );
    expect([code, ended.code]).toEqual(['address_in_use', 5]);
    expect(hint).toContain('--port');
    taken.close();
  });
});

describe('a database that is down at the start', () => {
  const env = { BULKHEAD_DATABASE_URL: 'postgres://nobody@127.0.0.1:9/nothing' };

  test('is waited for a while, then told with what to do', { timeout: 60_000 }, async () => {
    await using folder = await temporaryFolder();
    const { code, stdout, stderr } = await runCli(['serve', '--data-dir', folder.path], env);
    expect([code, stdout]).toEqual([3, '']);
    expect(stderr).toMatch(/giving up in \d+ s/);
    expect(stderr).toContain('correct BULKHEAD_DATABASE_URL');
  });

  test('is waited for with --wait until somebody stops it', { timeout: 60_000 }, async () => {
    await using folder = await temporaryFolder();
    const waiting = startCli(['serve', '--wait', '--data-dir', folder.path], env);
    await expect.poll(() => waiting.stderr(), { timeout: 30_000 }).toContain('waiting until it does');
    const { code } = await stopServer(waiting);
    expect(code).toBe(1);
  });
});

test('a port that is no port is a fault of the configuration', { timeout: 60_000 }, async () => {
  const { ended } = await runError(['serve', '--port', '70000']);
  expect(ended.code).toBe(2);
});

function isListening({ started }: Served): Promise<boolean> {
  return fetch(new URL('/health/live', started.url)).then(
    () => true,
    () => false,
  );
}

/** A body that is announced and never sent. */
async function holdRequest({ started }: Served): Promise<Socket> {
  const { hostname, port } = new URL(started.url);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  socket.write(
    'POST /v1/documents HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{',
  );
  socket.on('error', () => {});
  // The server has to have begun with it before it is told to stop.
  await fetch(new URL('/health/live', started.url));
  return socket;
}

/** Writers write until the process is killed under them; then every id they were given is asked for. */
async function killInTheMiddle(dataDir: string, given: Readonly<Record<string, string>>): Promise<void> {
  // It writes faster than a plan allows.
  const env = { ...given, BULKHEAD_LIMITS: 'off' };
  const first = await startServer(dataDir, env);
  const { key } = await newTenantWithKey(dataDir, 'acme', env);
  const acknowledged: string[] = [];
  const writers = Array.from({ length: 8 }, async (_, writer) => {
    for (let n = 0; ; n++) {
      try {
        const response = await request(first, key, '/v1/documents', {
          title: `${writer}.${n}`,
          content: 'x'.repeat(2_000),
        });
        const { id } = (await response.json()) as { id: string };
        if (response.status === 201) acknowledged.push(id);
      } catch {
        return;
      }
    }
  });
  await expect.poll(() => acknowledged.length, { timeout: 60_000 }).toBeGreaterThan(100);
  await stopServer(first, 'SIGKILL');
  await Promise.all(writers);

  const second = await startServer(dataDir, env);
  const statuses = [];
  for (const id of acknowledged) statuses.push((await request(second, key, `/v1/documents/${id}`)).status);
  expect(statuses.length).toBeGreaterThan(100);
  expect(statuses.filter((status) => status !== 200)).toEqual([]);
  expect((await stopServer(second)).code).toBe(0);
}
