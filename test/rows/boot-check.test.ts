import { afterAll, beforeAll, expect, test } from 'vitest';
import { newTestDatabase, newTestNode, type TestDatabase, type TestNode } from '../support/node.ts';
import { describeWith } from '../support/services.ts';

describeWith('postgres', 'the start of a node', (url) => {
  let database: TestDatabase;
  let bed: TestNode;
  beforeAll(async () => {
    database = await newTestDatabase(url);
    bed = await newTestNode({ databaseUrl: database.url });
  });
  afterAll(async () => {
    await bed[Symbol.asyncDispose]();
    await database[Symbol.asyncDispose]();
  });

  const start = async (): Promise<void> => (await bed.another()).close();

  test.each([
    [
      'a table made by hand',
      'create table shared.side_door (id int primary key)',
      'drop table shared.side_door',
      'side_door',
    ],
    [
      'a wall switched off',
      'alter table shared.documents disable row level security',
      'alter table shared.documents enable row level security',
      'documents',
    ],
    [
      'a wall not forced',
      'alter table shared.orders no force row level security',
      'alter table shared.orders force row level security',
      'orders',
    ],
    [
      'a table open to TRUNCATE',
      'grant truncate on shared.users to public',
      'revoke truncate on shared.users from public',
      'users',
    ],
  ])('is stopped by %s, naming it, and goes on when it is mended', async (_, breaking, mending, name) => {
    await database.root.script(breaking);
    await expect(start()).rejects.toMatchObject({ code: 'table_unwalled' });
    await expect(start()).rejects.toThrow(new RegExp(name));
    await database.root.script(mending);
    await start();
  });

  test('sql of an application is one statement on rows, nothing else', async () => {
    const tenant = await bed.tenant('shared');
    await bed.node.run(tenant.id, async (scope) => {
      await using rows = await bed.node.rows.open(scope);
      const refusal = { code: 'value_invalid' };
      await expect(rows.sql`lock table documents in access exclusive mode`).rejects.toMatchObject(refusal);
      await expect(rows.sql`listen everything`).rejects.toMatchObject(refusal);
      await expect(rows.sql`reset all`).rejects.toMatchObject(refusal);
      await expect(rows.sql`/* select */ truncate documents`).rejects.toMatchObject(refusal);
      expect(
        await rows.sql`-- a comment
        select 1 as one`,
      ).toEqual([{ one: 1 }]);
    });
  });
});
