import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import type { Bulkhead } from '../../../src/bulkhead.ts';
import type { Isolation } from '../../../src/core/placement.ts';
import { RecordHashes } from '../../../src/core/record-hash.ts';
import type { Tenant } from '../../../src/core/tenant.ts';
import { describeOnEachStore } from '../../support/each-store.ts';
import { operator } from '../../support/node.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

let slugs = 0;
const newSlug = (): string => `again-${process.pid}-${(slugs += 1)}`;

async function hashesOf(node: Bulkhead, id: Tenant['id']): Promise<Readonly<Record<string, string>>> {
  const hashes = new RecordHashes();
  const tenant = await node.registry.tenants.read(id);
  for (const placement of tenant?.placements ?? []) {
    const store = node.compartments.find(({ kind }) => kind === placement.compartment);
    if (store !== undefined) for await (const record of store.export(placement)) hashes.add(record);
  }
  return hashes.result();
}

async function fill(node: Bulkhead, tenant: Tenant, count = 30): Promise<void> {
  await node.run(tenant.id, async (scope) => {
    await using rows = await node.rows.open(scope);
    await rows.sql`insert into users (email) values ('ada@example.test')`;
    await rows.sql`insert into documents (title, content, created_by)
      select 'title ' || n, 'content ' || n, (select id from users limit 1) from generate_series(1, ${count}::int) n`;
  });
}

/** As accidents happen: some rows are gone, some are wrong, some are new. */
async function damage(node: Bulkhead, tenant: Tenant): Promise<void> {
  await node.run(tenant.id, async (scope) => {
    await using rows = await node.rows.open(scope);
    await rows.sql`delete from documents where title in ('title 1', 'title 2')`;
    await rows.sql`update documents set content = 'gibberish' where title in ('title 3', 'title 4', 'title 5')`;
    await rows.sql`insert into documents (title, content) values ('written since', 'x')`;
  });
}

async function titles(node: Bulkhead, tenant: Tenant): Promise<number> {
  return await node.run(tenant.id, async (scope) => {
    await using rows = await node.rows.open(scope);
    return await rows.table('documents').count({ title: 'title 1' });
  });
}

async function backUp(node: Bulkhead, tenant: Tenant) {
  return await (
    await node.lifecycle.beginBackup(tenant.id, operator)
  ).ended;
}

describeOnEachStore('backups', (store) => {
  test.each(['shared', 'schema', 'database'] as const)(
    'a %s tenant is restored beside its data, compared, swapped and confirmed; its neighbour stays as it was',
    async (isolation: Isolation) => {
      const { bed } = store();
      const { node } = bed;
      const tenant = await bed.tenant(isolation);
      const neighbour = await bed.tenant('shared');
      await fill(node, tenant);
      await fill(node, neighbour, 10);
      const before = await hashesOf(node, tenant.id);
      const neighbours = await hashesOf(node, neighbour.id);
      const backup = await backUp(node, tenant);
      expect(backup).toMatchObject({ state: 'ready', records: 31, reason: 'request' });
      await damage(node, tenant);

      const staged = await (await node.lifecycle.beginRestore(backup.id, operator)).ended;
      expect(staged).toMatchObject({ phase: 'staged', untouched: ['objects'] });
      expect(staged.differences.filter(({ set }) => set === 'documents')).toEqual([
        {
          compartment: 'rows',
          set: 'documents',
          now: 29,
          backup: 30,
          added: 2,
          removed: 1,
          changed: 3,
          isEqual: false,
        },
      ]);
      // It goes on working on its own data, and nothing else is begun with it meanwhile.
      expect(await titles(node, tenant)).toBe(0);
      for (const refused of [
        () => node.lifecycle.drill(tenant.id, operator),
        () => node.lifecycle.move({ tenant: tenant.id, isolation: 'dedicated' }, operator),
        () => node.lifecycle.beginRestore(backup.id, operator),
        () => node.lifecycle.confirmRestore(tenant.id, operator),
      ])
        await expect(refused()).rejects.toMatchObject({ code: 'transition_refused' });

      expect(await node.lifecycle.swapRestore(tenant.id, operator)).toMatchObject({ phase: 'swapped' });
      expect(await titles(node, tenant)).toBe(1);
      expect(await hashesOf(node, tenant.id)).toEqual(before);
      const confirmed = await node.lifecycle.confirmRestore(tenant.id, operator);
      expect(confirmed).toMatchObject({ phase: 'confirmed', erased: { rows: { left: 0n } } });
      expect(await hashesOf(node, tenant.id)).toEqual(before);
      expect(await titles(node, tenant)).toBe(1);
      const after = await node.registry.tenants.read(tenant.id);
      expect(after).toMatchObject({ isolation, state: 'active' });
      expect(new Set(after?.placements.map((placement) => placement.isolation))).toEqual(
        new Set([isolation]),
      );
      expect(await hashesOf(node, neighbour.id)).toEqual(neighbours);
      // And once more, with the places the other way round.
      const again = await (await node.lifecycle.beginRestore(backup.id, operator)).ended;
      expect(again.differences.every(({ isEqual }) => isEqual)).toBe(true);
      await node.lifecycle.rollBackRestore(tenant.id, operator);
      expect(await hashesOf(node, tenant.id)).toEqual(before);
    },
  );

  test('a restore is taken back after the swap, to what the tenant had before', async () => {
    const { bed } = store();
    const { node } = bed;
    const tenant = await bed.tenant('schema');
    await fill(node, tenant);
    const backup = await backUp(node, tenant);
    await damage(node, tenant);
    const damaged = await hashesOf(node, tenant.id);
    await (
      await node.lifecycle.beginRestore(backup.id, operator)
    ).ended;
    await node.lifecycle.swapRestore(tenant.id, operator);
    expect(await titles(node, tenant)).toBe(1);
    expect(await node.lifecycle.rollBackRestore(tenant.id, operator)).toMatchObject({ phase: 'rolled_back' });
    expect(await hashesOf(node, tenant.id)).toEqual(damaged);
    expect(await titles(node, tenant)).toBe(0);
    await expect(node.lifecycle.rollBackRestore(tenant.id, operator)).rejects.toMatchObject({
      code: 'transition_refused',
    });
  });

  test('a drill restores the latest backup, compares it, leaves nothing of it, and notes when', async () => {
    const { bed } = store();
    const { node } = bed;
    const tenant = await bed.tenant('shared');
    await fill(node, tenant, 5);
    const backup = await backUp(node, tenant);
    const before = await hashesOf(node, tenant.id);
    const receipt = await node.lifecycle.drill(tenant.id, operator);
    expect(receipt).toMatchObject({ backup: backup.id, records: 6 });
    const [listed] = await node.registry.backups.list({ tenant: tenant.id, limit: 10 });
    expect(listed?.drilledAt).toBeInstanceOf(Date);
    expect(await hashesOf(node, tenant.id)).toEqual(before);
    // Nothing of the tenant is left where it was tried out.
    expect(await node.lifecycle.restoreOf(tenant.id)).toMatchObject({ phase: 'none' });
    expect((await node.fleet.versions()).containers.map(({ container }) => container).join()).not.toContain(
      tenant.id.replaceAll('-', ''),
    );
  });

  test('a backup becomes a new tenant with another id', async () => {
    const { bed } = store();
    const { node } = bed;
    const tenant = await bed.tenant('shared');
    await fill(node, tenant, 5);
    const backup = await backUp(node, tenant);
    const { ended } = await node.lifecycle.beginRestoreAs(backup.id, { slug: newSlug() }, operator);
    const copy = await ended;
    expect(copy.id).not.toBe(tenant.id);
    expect(await hashesOf(node, copy.id)).toEqual(await hashesOf(node, tenant.id));
    expect(await node.lifecycle.verifyBackup(backup.id)).toMatchObject({ state: 'ready' });
  });

  test('an altered backup is found out, marked, and restored no more', async () => {
    const { bed } = store();
    const { node } = bed;
    const tenant = await bed.tenant('shared');
    await fill(node, tenant, 5);
    const backup = await backUp(node, tenant);
    const path = join(node.config.archiveDir, 'backups', backup.id);
    const bytes = await readFile(path);
    expect(bytes.includes('title')).toBe(false);
    bytes[bytes.length - 100] = (bytes[bytes.length - 100] ?? 0) ^ 1;
    await writeFile(path, bytes);
    await expect(node.lifecycle.verifyBackup(backup.id)).rejects.toMatchObject({ code: 'archive_refused' });
    expect((await node.registry.backups.read(backup.id))?.state).toBe('damaged');
    await expect(node.lifecycle.beginRestore(backup.id, operator)).rejects.toMatchObject({
      code: 'transition_refused',
    });
  });

  test('the backup of another tenant under this one’s name is refused, and so is one whose file is gone', async () => {
    const { bed } = store();
    const { node } = bed;
    const [a, b] = [await bed.tenant('shared'), await bed.tenant('shared')];
    await fill(node, a, 3);
    await fill(node, b, 3);
    const [mine, theirs] = [await backUp(node, a), await backUp(node, b)];
    const pathOf = (id: string): string => join(node.config.archiveDir, 'backups', id);
    await writeFile(pathOf(mine.id), await readFile(pathOf(theirs.id)));
    const begun = await node.lifecycle.beginRestore(mine.id, operator);
    await expect(begun.ended).rejects.toMatchObject({ code: 'archive_refused' });
    expect((await node.registry.operations.read(begun.operation.id))?.state).toBe('rolled_back');
    await rm(pathOf(theirs.id));
    await expect(node.lifecycle.verifyBackup(theirs.id)).rejects.toThrow('its file is gone');
  });

  test('with the secrets of a tenant its backups become unreadable, also by whoever has the files', async () => {
    const { bed } = store();
    const { node } = bed;
    const tenant = await bed.tenant('shared');
    await fill(node, tenant, 5);
    const backup = await backUp(node, tenant);
    await node.lifecycle.verifyBackup(backup.id);
    await node.registry.vault.drop(tenant.id);
    await expect(node.lifecycle.verifyBackup(backup.id)).rejects.toThrow('the key of its tenant is gone');
    // A new key of the same tenant is another key.
    await backUp(node, tenant);
    await expect(
      node.lifecycle.beginRestoreAs(backup.id, { slug: newSlug() }, operator),
    ).rejects.toMatchObject({
      code: expect.stringMatching(/archive_refused|transition_refused/),
    });
  });
});
