import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { openEmbeddedFleet, type EmbeddedFleet } from '../../src/drivers/pglite/fleet.ts';
import { OpenSet } from '../../src/drivers/pglite/open-set.ts';
import type { SqlServer } from '../../src/drivers/server.ts';
import { newFolder } from './support/embedded.ts';
import { installWall, newTenant, oneItem } from './support/walled-database.ts';

// Instances start in a second or two on an idle machine, and many times that on a busy one.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

describe('a fleet of embedded databases', () => {
  let folder: Awaited<ReturnType<typeof newFolder>>;
  let fleet: EmbeddedFleet;
  let server: SqlServer;

  beforeAll(async () => {
    folder = await newFolder();
    fleet = openEmbeddedFleet({ folder: folder.path, maxOpen: 2 });
    server = await fleet.server('main');
  });
  afterAll(async () => {
    await fleet.close();
    await folder[Symbol.asyncDispose]();
  });

  test('serves more databases than may be open, each with its own rows', async () => {
    const names = ['one', 'two', 'three'];
    for (const name of names) {
      await server.createDatabase(name);
      await server.withAdmin(name, async (admin) => {
        await admin.script('create role app nologin; create role wall nologin');
        await installWall(admin, { appRole: 'app', wallRole: 'wall' });
      });
    }
    const tenants = await Promise.all(
      names.map(async (name) => ({
        context: await server.withAdmin(name, (admin) => newTenant(admin, {})),
        db: server.openTenants({
          database: name,
          role: 'app',
          logins: () => Promise.resolve([]),
          minConnections: 0,
          maxConnections: 1,
          maxAlonePerTenant: 1,
        }),
      })),
    );
    for (let round = 0; round < 2; round += 1)
      for (const { db, context } of tenants)
        expect((await db.run(context, { text: oneItem, values: [1] })).rows).toEqual([
          { id: 1, body: `of ${context.tenantId}` },
        ]);
    const together = await Promise.all(
      tenants.flatMap(({ db, context }) =>
        [1, 2, 3].map(async (id) => (await db.run(context, { text: oneItem, values: [id] })).rowCount),
      ),
    );
    expect(together).toEqual(Array.from({ length: 9 }, () => 1));
  });

  test('knows a database until it is dropped, and makes none by being asked for one', async () => {
    expect(await server.databaseExists('one')).toBe(true);
    await server.dropDatabase('one');
    await server.dropDatabase('one');
    expect(await server.databaseExists('one')).toBe(false);
    await expect(server.withAdmin('one', () => Promise.resolve())).rejects.toMatchObject({
      code: 'compartment_unreachable',
    });
    expect(await server.databaseExists('one')).toBe(false);
  });

  test('gives a new database the name it was made with', async () => {
    expect(
      await server.withAdmin(
        'two',
        async (admin) => (await admin.query('select current_database() as d')).rows,
      ),
    ).toEqual([{ d: 'two' }]);
  });

  test.each(['../up', 'a/b', '', '.'])('refuses a name that is no folder: %s', async (name) => {
    await expect(fleet.server(name)).rejects.toMatchObject({ code: 'value_invalid' });
    expect(() => server.databaseExists(name)).toThrow();
  });
});

describe('a set of things of which a few are open', () => {
  interface Thing {
    readonly path: string;
    close(): Promise<void>;
  }

  function newSet(limit: number): { set: OpenSet<Thing>; open: Map<string, number>; highest: () => number } {
    const open = new Map<string, number>();
    let highest = 0;
    const set = new OpenSet<Thing>(limit, async (path) => {
      await tick();
      open.set(path, (open.get(path) ?? 0) + 1);
      highest = Math.max(
        highest,
        [...open.values()].reduce((sum, count) => sum + count, 0),
      );
      return {
        path,
        close: async () => {
          await tick();
          open.set(path, (open.get(path) ?? 0) - 1);
        },
      };
    });
    return { set, open, highest: () => highest };
  }

  test('never has more open, nor one twice, whatever is asked together', async () => {
    const { set, open, highest } = newSet(3);
    const answers = await Promise.all(
      Array.from({ length: 300 }, (_, index) => {
        const path = `p${(index * 7) % 11}`;
        return set.use(path, async (thing) => {
          expect(open.get(path)).toBe(1);
          await tick();
          expect(open.get(path)).toBe(1);
          return thing.path === path;
        });
      }),
    );
    expect(answers.every(Boolean)).toBe(true);
    expect(highest()).toBeLessThanOrEqual(3);
    await set.close();
    expect([...open.values()].every((count) => count === 0)).toBe(true);
    await expect(set.use('p1', () => Promise.resolve())).rejects.toMatchObject({ code: 'shutting_down' });
  });

  test('tries again to open what failed to open', async () => {
    let attempts = 0;
    const set = new OpenSet<Thing>(1, (path) => {
      attempts += 1;
      return attempts === 1
        ? Promise.reject(new Error('not now'))
        : Promise.resolve({ path, close: () => Promise.resolve() });
    });
    await expect(set.use('a', () => Promise.resolve())).rejects.toThrow('not now');
    expect(await set.use('a', ({ path }) => Promise.resolve(path))).toBe('a');
    await set.close();
  });
});

function tick(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, Math.random() * 3);
  });
}
