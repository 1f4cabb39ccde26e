import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { TenantBlobs } from '../../src/compartments/objects/blobs-of.ts';
import { placeOf } from '../../src/compartments/objects/container.ts';
import { ObjectKeys } from '../../src/compartments/objects/keys.ts';
import { parseObjectId } from '../../src/compartments/objects/names.ts';
import { newTenantId } from '../../src/core/ids.ts';
import type { Placement } from '../../src/core/placement.ts';
import { placementIn } from '../../src/core/scope.ts';
import type { Tenant } from '../../src/core/tenant.ts';
import { openFolderStore } from '../../src/drivers/objects-folder/folder.ts';
import { newTestNode, operator, type TestNode } from '../support/node.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

let bed: TestNode;
let acme: Tenant;
let globex: Tenant;
const heard: string[] = [];

beforeAll(async () => {
  bed = await newTestNode({ log: ({ event }) => void heard.push(String(event)) });
  acme = await bed.tenant('shared');
  globex = await bed.tenant('shared');
});
afterAll(() => bed[Symbol.asyncDispose]());

async function open(tenant: Tenant) {
  return await bed.node.objects.open(await bed.node.scope(tenant.id));
}

async function fileOf(tenant: Tenant, id: string): Promise<string> {
  const placement = placementIn(await bed.node.scope(tenant.id), 'objects');
  const parsed = parseObjectId(id);
  if (parsed === undefined) throw new Error('no id');
  const { bucket, key } = placeOf(placement, parsed);
  return join(bed.dataDir, 'objects', bucket, key);
}

async function textOf(content: AsyncIterable<Uint8Array> | undefined): Promise<string | undefined> {
  if (content === undefined) return undefined;
  return Buffer.concat(await Array.fromAsync(content, (piece) => Buffer.from(piece))).toString('utf8');
}

describe('a tenant’s objects', () => {
  test('are provisioned with it, listed whole a page at a time, and found by name and by id', async () => {
    const objects = await open(acme);
    const names = Array.from({ length: 25 }, (_, index) => `page/${index}`);
    for (const name of names) await objects.put(name, Buffer.from(name), { contentType: 'text/plain' });
    const listed: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await objects.list({
        limit: 10,
        prefix: 'page/',
        ...(cursor === undefined ? {} : { cursor }),
      });
      listed.push(...page.objects.map(({ name }) => name));
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    expect(listed.toSorted()).toEqual(names.toSorted());
    const stat = await objects.stat({ name: 'page/3' });
    expect(await textOf((await objects.get({ id: stat?.id ?? '' }))?.content)).toBe('page/3');
    expect(await objects.delete({ name: 'page/3' })).toBe(true);
    expect(await objects.delete({ name: 'page/3' })).toBe(false);
    expect(await objects.stat({ name: 'page/3' })).toBeUndefined();
  });

  test('a put whose body fails leaves what was there, and nothing else', async () => {
    const objects = await open(acme);
    await objects.put('kept', Buffer.from('before'));
    const broken = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.alloc(200_000);
      throw new Error('the sender went away');
    };
    await expect(objects.put('kept', broken())).rejects.toThrow('the sender went away');
    expect(await textOf((await objects.get({ name: 'kept' }))?.content)).toBe('before');
    expect(await readdir(join(bed.dataDir, 'objects', 'shared', '.unfinished'))).toEqual([]);
  });

  test('one copied by hand under another tenant’s key is dropped, alarmed, and fails the request', async () => {
    const [mine, theirs] = [await open(acme), await open(globex)];
    const secret = await theirs.put('secret', Buffer.from('of globex'));
    const planted = await mine.put('planted', Buffer.from('x'));
    await cp(await fileOf(globex, secret.id), await fileOf(acme, planted.id));
    heard.length = 0;
    for (const attempt of [
      () => mine.get({ name: 'planted' }),
      () => mine.stat({ id: planted.id }),
      () => mine.list(),
    ])
      await expect(attempt()).rejects.toMatchObject({ code: 'foreign_row' });
    expect(heard.filter((event) => event === 'isolation.violated').length).toBe(3);
    // Written behind the request's back.
    await vi.waitFor(async () => {
      const events = await bed.node.registry.audit.list({ tenant: acme.id, limit: 50 });
      expect(events.map(({ action }) => action)).toContain('isolation.violated');
    }, 10_000);
    await mine.delete({ name: 'planted' });
  });

  test('one altered on the disk is not given out', async () => {
    const objects = await open(acme);
    const { id } = await objects.put('altered', Buffer.alloc(100, 1));
    const path = await fileOf(acme, id);
    const bytes = await readFile(path);
    bytes[80] = (bytes[80] ?? 0) ^ 255;
    await writeFile(path, bytes);
    const opened = await objects.get({ id });
    await expect(textOf(opened?.content)).rejects.toMatchObject({ code: 'object_damaged' });
    await objects.delete({ id });
  });

  test('a put that a suspension overtakes is not confirmed', async () => {
    const tenant = await bed.tenant('shared');
    const objects = await open(tenant);
    let goOn = (): void => {};
    const suspended = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const slow = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from('a');
      await suspended;
      yield Buffer.from('b');
    };
    const put = objects.put('late', slow());
    const outcome = expect(put).rejects.toMatchObject({ code: 'tenant_inactive' });
    await setTimeout(50);
    await bed.node.lifecycle.suspend(tenant.id, operator);
    goOn();
    await outcome;
    await expect(objects.stat({ name: 'late' })).rejects.toMatchObject({ code: 'tenant_inactive' });
  });

  test('stop at the storage of the plan', async () => {
    const plan = await bed.node.registry.plans.read('enterprise');
    if (plan === undefined) throw new Error('no plan');
    const small = {
      ...plan,
      id: 'small',
      name: 'Small',
      aliases: [],
      quotas: { storage_bytes: 3_000, objects: 3 },
    };
    await bed.node.registry.plans.put(small, operator);
    const tenant = await bed.tenant('shared', { plan: 'small' });
    const objects = await open(tenant);
    await objects.put('first', Buffer.alloc(1_000));
    await expect(objects.put('large', Buffer.alloc(2_500))).rejects.toMatchObject({ code: 'quota_exceeded' });
    await objects.put('second', Buffer.alloc(10));
    expect((await objects.list()).objects.map(({ name }) => name).toSorted()).toEqual(['first', 'second']);
    const usage = await bed.node.objects.usage(placementIn(await bed.node.scope(tenant.id), 'objects'));
    expect(usage.map(({ resource, limit }) => [resource, limit])).toEqual([
      ['objects', 3n],
      ['object_bytes', 3_000n],
    ]);
  });

  test('go with their tenant when it is moved, also through a handle that was open', async () => {
    const tenant = await bed.tenant('shared');
    const objects = await open(tenant);
    const before = await objects.put('moved', randomBytes(300_000), { metadata: { a: 'b' } });
    await bed.node.lifecycle.move({ tenant: tenant.id, isolation: 'schema' }, operator);
    expect(await objects.stat({ id: before.id })).toEqual(before);
    await objects.put('after', Buffer.from('the move'));
    const { placements } = (await bed.node.registry.tenants.read(tenant.id)) ?? { placements: [] };
    expect(placements.find(({ compartment }) => compartment === 'objects')?.container).toMatch(
      /^folder:own\//,
    );
    const folder = join(bed.dataDir, 'objects', `tenant_${tenant.id.replaceAll('-', '')}`);
    expect(
      (await readdir(folder, { recursive: true })).filter((name) => /[0-9a-f]{64}$/.test(name)).length,
    ).toBe(2);
  });
});

describe('an export of objects', () => {
  test('carries large content in bounded records, and is refused where it was altered', async () => {
    const { objects } = bed.node;
    const [source, target] = [await bed.tenant('shared'), await bed.tenant('shared')];
    const content = randomBytes(1_000_000);
    await (await open(source)).put('large', content, { contentType: 'image/png' });
    const placement = (tenant: Tenant): Promise<Placement> =>
      bed.node.scope(tenant.id).then((scope) => placementIn(scope, 'objects'));
    const records = await Array.fromAsync(objects.export(await placement(source)));
    expect(records.length).toBe(4);
    expect(Math.max(...records.map((record) => JSON.stringify(record).length))).toBeLessThan(400_000);
    const replay = async function* (from: typeof records) {
      yield* from;
    };
    await objects.import(await placement(target), replay(records));
    const copy = await (await open(target)).get({ name: 'large' });
    expect(
      Buffer.concat(await Array.fromAsync(copy?.content ?? [], (piece) => Buffer.from(piece))).equals(
        content,
      ),
    ).toBe(true);
    const [first, second, ...rest] = records;
    if (first === undefined || second === undefined) throw new Error('no records');
    const altered = { ...second, value: { ...second.value, content: Buffer.alloc(9).toString('base64') } };
    for (const wrong of [[first, altered, ...rest], [first, ...rest], [second], [first]])
      await expect(objects.import(await placement(target), replay(wrong))).rejects.toMatchObject({
        code: 'value_invalid',
      });
  });
});

test('a process killed in the middle of a put leaves the object as it was', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bulkhead-objects-'));
  const tenant = newTenantId();
  const key = randomBytes(32).toString('hex');
  const keys = await ObjectKeys.open({ putOnce: async () => key, get: async () => key, drop: async () => 0 });
  const store = openFolderStore(folder);
  await store.createBucket('shared');
  const blobs = new TenantBlobs(store, keys, {
    tenant,
    compartment: 'objects',
    isolation: 'shared',
    container: 'folder:shared',
  });
  const given = { name: 'contract', contentType: 'text/plain', metadata: {}, updatedAtMs: 0 };
  const before = async function* (): AsyncGenerator<Uint8Array> {
    yield Buffer.from('signed');
  };
  const { id } = await blobs.write({ given, content: before(), maxBytes: 100 });
  const writer = spawn(
    process.execPath,
    [join(import.meta.dirname, 'support/put-process.ts'), folder, tenant, key],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  for await (const line of writer.stdout) if (Number(String(line).split('\n')[0]) >= 5) break;
  writer.kill('SIGKILL');
  await new Promise((ended) => writer.once('exit', ended));
  const trailer = await blobs.stat(id);
  if (trailer === undefined) throw new Error('the object is gone');
  expect(await textOf(blobs.content(id, trailer))).toBe('signed');
  const listed = await store.list('shared', `${tenant}/`, undefined);
  expect(listed.blobs.length).toBe(1);
  // What the process had begun lies apart, and is no object.
  expect((await readdir(join(folder, 'shared', '.unfinished'))).length).toBe(1);
  await rm(dirname(join(folder, 'x')), { recursive: true, force: true });
});
