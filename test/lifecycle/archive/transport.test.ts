import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Bulkhead } from '../../../src/bulkhead.ts';
import { RecordHashes } from '../../../src/core/record-hash.ts';
import type { Tenant } from '../../../src/core/tenant.ts';
import { describeOnEachStore } from '../../support/each-store.ts';
import { newTestNode, operator, type TestNode } from '../../support/node.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let slugs = 0;
const newSlug = (): string => `copy-${process.pid}-${(slugs += 1)}`;

async function hashesOf(node: Bulkhead, tenant: Tenant): Promise<Readonly<Record<string, string>>> {
  const hashes = new RecordHashes();
  for (const placement of tenant.placements) {
    const store = node.compartments.find(({ kind }) => kind === placement.compartment);
    if (store !== undefined) for await (const record of store.export(placement)) hashes.add(record);
  }
  return hashes.result();
}

async function fill(node: Bulkhead, tenant: Tenant, count = 200): Promise<void> {
  await node.run(tenant.id, async (scope) => {
    await using rows = await node.rows.open(scope);
    await rows.sql`insert into users (email, name) values ('ada@example.test', 'Ada Lovelace')`;
    await rows.sql`insert into documents (title, content, created_by)
      select 'title ' || n, repeat('content ', 10) || n, (select id from users limit 1)
        from generate_series(1, ${count}::int) n`;
  });
}

async function read(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of bytes) all.push(chunk);
  return Buffer.concat(all);
}

async function sent(node: Bulkhead, bytes: Buffer): Promise<string> {
  const chunks = (async function* () {
    yield bytes;
  })();
  return (await node.lifecycle.receiveArchive(chunks)).archive;
}

async function exported(node: Bulkhead, tenant: Tenant, passphrase?: string): Promise<Buffer> {
  const { operation, ended } = await node.lifecycle.beginExport({ tenant: tenant.id, passphrase }, operator);
  await ended;
  return await read((await node.lifecycle.readExport(operation.id)).bytes);
}

async function tenantCount(node: Bulkhead): Promise<number> {
  return (await node.registry.tenants.list({ limit: 200 })).tenants.filter(({ state }) => state !== 'deleted')
    .length;
}

describeOnEachStore('a tenant as a file', (store) => {
  test('becomes a new tenant with an id of its own and equal hashes, settings and features', async () => {
    const { bed } = store();
    const { node } = bed;
    const tenant = await bed.tenant('shared');
    await fill(node, tenant);
    await node.registry.settings.set(tenant.id, 'colour', 'green', operator);
    const bytes = await exported(node, tenant);
    const { ended } = await node.lifecycle.beginImport(
      { archive: await sent(node, bytes), slug: newSlug(), isolation: 'schema' },
      operator,
    );
    const copy = await ended;
    expect(copy.id).not.toBe(tenant.id);
    expect(copy).toMatchObject({
      state: 'active',
      isolation: 'schema',
      name: tenant.name,
      settings: { colour: 'green' },
    });
    expect(await hashesOf(node, copy)).toEqual(await hashesOf(node, tenant));
    expect(Object.keys(await hashesOf(node, copy))).toEqual(['documents', 'users']);
  });

  test('sealed with a passphrase is opened by it alone, and the phrase is kept nowhere', async () => {
    const { bed } = store();
    const { node } = bed;
    const tenant = await bed.tenant('shared');
    await fill(node, tenant, 5);
    const bytes = await exported(node, tenant, 'correct horse battery');
    expect(bytes.includes('documents')).toBe(false);
    const before = await tenantCount(node);
    const slug = newSlug();
    for (const passphrase of [undefined, 'another horse battery'])
      await expect(
        node.lifecycle.beginImport({ archive: await sent(node, bytes), slug, passphrase }, operator),
      ).rejects.toMatchObject({ code: 'archive_refused' });
    expect(await tenantCount(node)).toBe(before);
    const passphrase = 'correct horse battery';
    const { ended, operation } = await node.lifecycle.beginImport(
      { archive: await sent(node, bytes), slug, passphrase },
      operator,
    );
    expect(await hashesOf(node, await ended)).toEqual(await hashesOf(node, tenant));
    expect(await node.registry.vault.drop(`operation:${operation.id}`)).toBe(0);
    expect(JSON.stringify(await node.registry.operations.list({ limit: 100 }))).not.toContain('horse');
  });

  test('that was altered or cut off is refused before anything is made of it', async () => {
    const { bed } = store();
    const { node } = bed;
    const tenant = await bed.tenant('shared');
    await fill(node, tenant, 50);
    const bytes = await exported(node, tenant);
    const altered = Buffer.from(bytes);
    altered[5_000] = (altered[5_000] ?? 0) ^ 1;
    const before = await tenantCount(node);
    for (const wrong of [
      altered,
      bytes.subarray(0, 4_000),
      Buffer.from('no archive at all'),
      Buffer.alloc(0),
    ])
      await expect(
        node.lifecycle.beginImport({ archive: await sent(node, wrong), slug: newSlug() }, operator),
      ).rejects.toMatchObject({ code: 'archive_refused' });
    expect(await tenantCount(node)).toBe(before);
  });

  test('is not imported under a slug that was given out before', async () => {
    const { bed } = store();
    const tenant = await bed.tenant('shared');
    const bytes = await exported(bed.node, tenant);
    await expect(
      bed.node.lifecycle.beginImport({ archive: await sent(bed.node, bytes) }, operator),
    ).rejects.toMatchObject({
      code: 'slug_taken',
    });
  });

  test('cloned with masks has as many rows and nobody’s name, and joins still meet', async () => {
    const { bed } = store();
    const { node } = bed;
    const tenant = await bed.tenant('shared');
    await fill(node, tenant, 20);
    const masking = {
      'users.email': 'email',
      'users.name': 'name',
      'users.*': 'keep',
      'documents.title': 'text',
      'documents.content': 'hash',
      '*.metadata': 'json',
      '*.external_id': 'null',
      '*.created_by': 'keep',
    } as const;
    const { ended } = await node.lifecycle.beginClone(
      { from: tenant.id, slug: newSlug(), masking },
      operator,
    );
    const copy = await ended;
    const found = await node.run(copy.id, async (scope) => {
      await using rows = await node.rows.open(scope);
      return await rows.sql`select d.content, d.title, u.email, u.name from documents d join users u on u.id = d.created_by`;
    });
    expect(found).toHaveLength(20);
    expect(JSON.stringify(found)).not.toMatch(/Ada|ada@|content \d|title \d/);
    expect(found[0]?.['email']).toMatch(/@example\.invalid$/);
  });

  test('is not cloned where no rule speaks of one of its fields, and nothing is left of the attempt', async () => {
    const { bed } = store();
    const { node } = bed;
    const tenant = await bed.tenant('shared');
    await fill(node, tenant, 2);
    const masking = { 'users.*': 'keep', 'documents.title': 'keep' } as const;
    const begun = await node.lifecycle.beginClone({ from: tenant.id, slug: newSlug(), masking }, operator);
    await expect(begun.ended).rejects.toMatchObject({
      code: 'value_invalid',
      message: expect.stringContaining('documents.'),
    });
    expect((await node.registry.tenants.read(begun.tenant.id))?.state).toBe('deleted');
    expect((await node.registry.operations.read(begun.operation.id))?.state).toBe('rolled_back');
  });
});

describe('two installations', () => {
  let here: TestNode;
  let there: TestNode;
  beforeAll(async () => {
    here = await newTestNode();
    there = await newTestNode();
  });
  afterAll(async () => {
    await here[Symbol.asyncDispose]();
    await there[Symbol.asyncDispose]();
  });

  test('take each other’s archives only where the other’s key is trusted', async () => {
    const tenant = await here.tenant('shared');
    await fill(here.node, tenant, 20);
    const bytes = await exported(here.node, tenant);
    const { lifecycle } = there.node;
    await expect(
      lifecycle.beginImport({ archive: await sent(there.node, bytes) }, operator),
    ).rejects.toMatchObject({
      code: 'archive_refused',
      message: expect.stringContaining(here.node.registry.signer.publicKey),
    });
    const trust = [here.node.registry.signer.publicKey];
    const { ended } = await lifecycle.beginImport(
      { archive: await sent(there.node, bytes), trust },
      operator,
    );
    const copy = await ended;
    expect(copy.slug).toBe(tenant.slug);
    expect(await hashesOf(there.node, copy)).toEqual(await hashesOf(here.node, tenant));
  });
});
