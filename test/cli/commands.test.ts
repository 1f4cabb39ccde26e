import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newTestDatabase, type TestDatabase } from '../support/node.ts';
import { describeWith } from '../support/services.ts';
import {
  runCli,
  runError,
  runJson,
  startServer,
  stopServer,
  temporaryFolder,
  type Served,
  type TemporaryFolder,
} from './support/cli.ts';
import { request, type Tenant } from './support/tenant-api.ts';

interface Key {
  readonly id: string;
  readonly key: string;
  readonly revokedAt: string | null;
  readonly replacedBy: string | null;
}

describeWith('postgres', 'commands', (url) => {
  let folder: TemporaryFolder;
  let database: TestDatabase;
  let env: Readonly<Record<string, string>>;
  beforeAll(async () => {
    folder = await temporaryFolder();
    database = await newTestDatabase(url);
    env = { BULKHEAD_DATABASE_URL: database.url, BULKHEAD_DATA_DIR: folder.path };
  });
  afterAll(async () => {
    await database[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  // The same tests twice: once the node is in the process of the command, once it is a server that answers.
  describe.each(['in process', 'over HTTP'] as const)('%s', (how) => {
    let server: Served | undefined;
    const slug = how === 'in process' ? 'acme' : 'globex';
    beforeAll(async () => {
      if (how === 'over HTTP') server = await startServer(folder.path, env);
    });
    afterAll(async () => {
      if (server !== undefined) await stopServer(server);
    });

    test('a tenant is created, shown, listed, suspended and resumed', { timeout: 120_000 }, async () => {
      const created = await runJson<Tenant>(
        ['tenant', 'create', slug, '--plan', 'pro', '--isolation', 'schema'],
        env,
      );
      expect(created).toMatchObject({
        slug,
        state: 'active',
        isolation: 'schema',
        plan: 'pro',
        parent: null,
      });
      await expect(runJson(['tenant', 'show', created.id], env)).resolves.toMatchObject({ slug });
      const { items } = await runJson<{ items: Tenant[]; nextCursor: null }>(
        ['tenant', 'list', '--all'],
        env,
      );
      expect(items.map(({ id }) => id)).toContain(created.id);
      await expect(runJson(['tenant', 'suspend', slug], env)).resolves.toMatchObject({ state: 'suspended' });
      const again = await runError(['tenant', 'suspend', slug], env);
      expect([again.code, again.ended.code]).toEqual(['transition_refused', 5]);
      await expect(runJson(['tenant', 'resume', slug], env)).resolves.toMatchObject({ state: 'active' });
    });

    test('keys are created, rotated and revoked', { timeout: 120_000 }, async () => {
      const first = await runJson<Key>(['key', 'create', slug, '--name', 'first', '--expires', '30d'], env);
      expect(first.key).toContain(first.id);
      const next = await runJson<Key>(['key', 'rotate', slug, first.id, '--overlap', '10m'], env);
      expect(next.key).not.toBe(first.key);
      if (server !== undefined)
        for (const { key } of [first, next]) expect((await request(server, key, '/v1/me')).status).toBe(200);
      const revoked = await runJson<Key>(['key', 'revoke', slug, next.id], env);
      expect(revoked.revokedAt).not.toBe(null);
      if (server !== undefined) expect((await request(server, next.key, '/v1/me')).status).toBe(401);
      const listed = await runCli(['key', 'list', slug, '--json'], env);
      expect(listed.stdout).toContain(first.id);
      expect(listed.stdout).not.toContain(first.key);
    });

    test(
      'what is not there ends with 4, what is taken with 5, what is wrong with 1',
      { timeout: 120_000 },
      async () => {
        const codes = await Promise.all([
          runError(['tenant', 'show', 'nobody'], env),
          runError(['key', 'revoke', slug, 'aaaaaaaaaaaaaaaa'], env),
          runError(['operation', 'show', '00000000-0000-7000-8000-000000000000'], env),
        ]);
        expect(codes.map(({ code, ended }) => [code, ended.code])).toEqual([
          ['tenant_not_found', 4],
          ['not_found', 4],
          ['not_found', 4],
        ]);
        const taken = await runError(['tenant', 'create', slug], env);
        expect([taken.code, taken.ended.code]).toEqual(['slug_taken', 5]);
        const wrong = await runError(['tenant', 'create', 'Not A Slug'], env);
        expect([wrong.code, wrong.ended.code]).toEqual(['request_invalid', 1]);
        expect(wrong.ended.stderr).toContain('a-z, 0-9 and single inner hyphens');
        const plan = await runError(['tenant', 'create', `${slug}-two`, '--plan', 'gold'], env);
        expect([plan.code, plan.ended.code]).toEqual(['plan_unknown', 1]);
      },
    );

    test(
      'plans and servers are listed, and a server is added from a file',
      { timeout: 120_000 },
      async () => {
        const plans = await runJson<{ items: { id: string }[] }>(['plan', 'list'], env);
        expect(plans.items.map(({ id }) => id)).toContain('enterprise');
        const file = join(folder.path, 'url');
        await writeFile(file, 'postgres://owner:secret-word@127.0.0.1:9/cell\n', { mode: 0o600 });
        const name = `cell-${slug}`;
        await expect(
          runJson(['server', 'add', name, '--url-file', file, '--region', 'eu'], env),
        ).resolves.toEqual({
          name,
          role: 'dedicated',
          region: 'eu',
          maxConnections: 100,
        });
        const again = await runError(['server', 'add', name, '--url-file', file], env);
        expect([again.code, again.ended.code]).toEqual(['conflict', 5]);
        const missing = await runError(['server', 'add', 'other', '--url-file', '/nowhere/url'], env);
        expect([missing.code, missing.ended.code]).toEqual(['file_unreadable', 4]);
        const listed = await runCli(['server', 'list'], env);
        expect(listed.stdout).toContain(name);
        expect(listed.stdout).not.toContain('secret-word');
      },
    );

    test('the operation that made a tenant is shown with its steps', { timeout: 120_000 }, async () => {
      const made = await runJson<{ operation: string }>(['tenant', 'create', `${slug}-op`], env);
      await expect(runJson(['operation', 'show', made.operation], env)).resolves.toMatchObject({
        kind: 'provision',
        state: 'done',
        failure: null,
      });
      const { items } = await runJson<{ items: { id: string }[] }>(
        ['operation', 'list', '--tenant', `${slug}-op`, '--state', 'done'],
        env,
      );
      expect(items.map(({ id }) => id)).toEqual([made.operation]);
    });

    test('--verbose says where it was done', { timeout: 120_000 }, async () => {
      const { stderr } = await runCli(['plan', 'list', '--verbose'], env);
      expect(stderr).toContain(server === undefined ? 'the database itself' : server.started.url);
    });
  });

  test('a server that knows another token refuses with a hint', { timeout: 120_000 }, async () => {
    const server = await startServer(folder.path, env);
    const { code, ended } = await runError(['tenant', 'list', '--token', 'x'.repeat(40)], env);
    expect([code, ended.code]).toEqual(['token_refused', 1]);
    await stopServer(server);
  });
});
