import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import type { Bulkhead } from '../../../src/bulkhead.ts';
import { readConfig } from '../../../src/config.ts';
import type { TenantId } from '../../../src/core/ids.ts';
import type { Isolation } from '../../../src/core/placement.ts';
import type { Tenant } from '../../../src/core/tenant.ts';
import { createBulkhead } from '../../../src/create-bulkhead.ts';
import { openPostgresAdmin } from '../../../src/drivers/postgres/open.ts';
import { newTestDatabase, operator } from '../../support/node.ts';
import { describeWith } from '../../support/services.ts';
import { fill, readTitles } from './support/fill.ts';

vi.setConfig({ testTimeout: 300_000, hookTimeout: 120_000 });

describeWith('postgres', 'after a restore from a backup', (url) => {
  test('what was erased since is erased again, before anybody is served, and its neighbour is as it was', async () => {
    await using database = await newTestDatabase(url);
    await using stack = new AsyncDisposableStack();
    const server = openPostgresAdmin({ url, applicationName: 'bulkhead test', maxConnections: 1 });
    stack.defer(() => server.close());
    const name = new URL(database.url).pathname.slice(1);
    const folder = async (): Promise<string> => {
      const made = await mkdtemp(join(tmpdir(), 'bulkhead-restore-'));
      stack.defer(() => rm(made, { recursive: true, force: true }));
      return made;
    };
    const dataDir = await folder();
    const withNode = async <T>(dir: string, body: (node: Bulkhead) => Promise<T>): Promise<T> => {
      const config = readConfig({
        BULKHEAD_DATA_DIR: dir,
        BULKHEAD_LOG_LEVEL: 'silent',
        BULKHEAD_DATABASE_URL: database.url,
      });
      const node = await createBulkhead({ config });
      try {
        return await body(node);
      } finally {
        await node.close();
      }
    };
    const copy = async (from: string, to: string): Promise<void> => {
      await server.query(`drop database if exists "${to}" with (force)`);
      await server.query(`create database "${to}" template "${from}"`);
    };
    const backups = new Map<string, string>();
    const backUp = async (from: string): Promise<void> => {
      const to = `${from}_b`;
      backups.set(from, to);
      stack.defer(async () => void (await server.query(`drop database if exists "${to}" with (force)`)));
      await copy(from, to);
      // As in a dump: it has no roles, and cannot grant anything to those that are gone when it is restored.
      const address = new URL(url);
      address.pathname = `/${to}`;
      const inside = openPostgresAdmin({ url: address.href, applicationName: 'test', maxConnections: 1 });
      const { rows: roles } = await inside.query<{ name: string }>(
        `select distinct r.rolname as name from pg_shdepend d join pg_roles r on r.oid = d.refobjid
           where d.dbid = (select oid from pg_database where datname = current_database())
             and r.rolname ~ '_[0-9a-f]{32}$'`,
      );
      for (const { name: role } of roles) await inside.script(`drop owned by "${role}"`);
      await inside.close();
    };
    const restore = (to: string): Promise<void> => copy(backups.get(to) ?? '', to);
    const make = async (node: Bulkhead, isolation: Isolation, parent?: string): Promise<Tenant> => {
      const slug = `r-${crypto.randomUUID().slice(0, 8)}`;
      const { tenant } = await node.lifecycle.create(
        { slug, name: slug, plan: 'enterprise', isolation, parent },
        operator,
      );
      return tenant;
    };
    const stateOf = async (node: Bulkhead, id: TenantId): Promise<string | undefined> =>
      (await node.registry.tenants.read(id))?.state;

    const before = await withNode(dataDir, async (node) => {
      const kept = await make(node, 'shared');
      const parent = await make(node, 'schema');
      const child = await make(node, 'shared', parent.id);
      const home = await make(node, 'database');
      for (const { id } of [parent, child, home]) await fill(node, id, 2);
      return { kept, parent, child, home, titles: await fill(node, kept.id, 2) };
    });
    const { kept, parent, child, home, titles } = before;
    const gone = [child, parent, home];
    const homeName = `tenant_${home.id.replaceAll('-', '')}`;
    await backUp(name);
    await backUp(homeName);

    const { ledger, later } = await withNode(dataDir, async (node) => {
      const made = await make(node, 'shared');
      for (const tenant of [...gone, made])
        expect(
          (await node.lifecycle.erase({ tenant: tenant.id, confirm: tenant.slug }, operator)).receipt.state,
        ).toBe('complete');
      return { ledger: await node.registry.erasures.list({ limit: 100 }), later: made };
    });
    expect(ledger.map(({ tenant }) => tenant)).toEqual([...gone, later].map(({ id }) => id));

    // The registry and the shared and schema tenants are as they were; this node's own copy of the ledger is younger.
    await restore(name);
    await withNode(dataDir, async (node) => {
      for (const { id } of gone) {
        expect(await stateOf(node, id)).toBe('deleted');

        expect((await node.lifecycle.hunt(id)).found).toEqual([]);
        const { receipt } = await node.lifecycle.erasureOf(id);
        expect(receipt?.receipt).toMatchObject({ state: 'complete', because: 'came_back' });
      }
      const rows = (await node.lifecycle.erasureOf(child.id)).receipt?.receipt.places;
      expect(rows?.find(({ compartment }) => compartment === 'rows')).toMatchObject({ before: 2, after: 0 });
      // Of one that was made and erased after the backup the registry had never heard.
      expect(await stateOf(node, later.id)).toBe('deleted');
      await expect(
        node.lifecycle.create({ slug: later.slug, name: 'again', plan: 'enterprise' }, operator),
      ).rejects.toMatchObject({ code: 'slug_taken' });
      expect(await readTitles(node, kept.id)).toEqual(titles);
      await node.registry.audit.flush();
      const audited = await node.registry.audit.list({ tenant: child.id, limit: 100 });
      expect(audited.map(({ action }) => action)).toContain('erasure.replayed');

      // A container alone comes back: nobody is told, and the next search finds it.
      await restore(homeName);
      const found = (await node.lifecycle.hunt(home.id)).found;
      expect(found.find(({ place }) => place.startsWith('rows '))).toMatchObject({ records: 2 });
      expect(await node.lifecycle.replayErasures('everywhere')).toMatchObject({
        erasedAgain: [home.id],
        stillThere: [],
      });
      expect((await node.lifecycle.hunt(home.id)).found).toEqual([]);
      expect((await node.lifecycle.replayErasures('everywhere')).erasedAgain).toEqual([]);
    });

    // With the data folder lost too, the exported ledger says who must stay erased.
    await restore(name);
    const fresh = await folder();
    await copyFile(join(dataDir, 'master-key'), join(fresh, 'master-key'));
    await withNode(fresh, async (node) => {
      expect(await stateOf(node, child.id)).toBe('active');
      const [first] = ledger;
      if (first === undefined) throw new Error('no entry');
      const forged = { ...first, tenant: kept.id, slug: kept.slug };
      await expect(node.lifecycle.importErasures([...ledger, forged])).rejects.toMatchObject({
        code: 'request_invalid',
        detail: { field: 'signature' },
      });
      expect(await stateOf(node, child.id)).toBe('active');
      const replayed = await node.lifecycle.importErasures(ledger);
      expect(replayed.adopted).toBe(4);
      expect(new Set(replayed.erasedAgain)).toEqual(new Set([...gone, later].map(({ id }) => id)));
      expect(replayed.stillThere).toEqual([]);
      expect(await readTitles(node, kept.id)).toEqual(titles);
    });
  });
});
