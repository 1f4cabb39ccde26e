import { afterAll, beforeAll, expect, test } from 'vitest';
import { isBulkheadError } from '../../src/core/errors.ts';
import type { Tenant } from '../../src/core/tenant.ts';
import { newTestDatabase, newTestNode, type TestDatabase, type TestNode } from '../support/node.ts';
import { describeWith } from '../support/services.ts';

describeWith('postgres', 'one tenant’s database that breaks', (url) => {
  let database: TestDatabase;
  let bed: TestNode;
  let broken: Tenant;
  let others: readonly Tenant[];
  beforeAll(async () => {
    database = await newTestDatabase(url);
    bed = await newTestNode({ databaseUrl: database.url });
    broken = await bed.tenant('database');
    others = [await bed.tenant('database'), await bed.tenant('schema'), await bed.tenant('shared')];
  });
  afterAll(async () => {
    await bed[Symbol.asyncDispose]();
    await database[Symbol.asyncDispose]();
  });

  const write = (tenant: Tenant): Promise<string> =>
    bed.node.run(tenant.id, async (scope) => {
      await using rows = await bed.node.rows.open(scope);
      return String((await rows.table('documents').create({ title: 't', content: 'c' }))['id']);
    });
  const count = (tenant: Tenant): Promise<number> =>
    bed.node.run(tenant.id, async (scope) => {
      await using rows = await bed.node.rows.open(scope);
      return await rows.table('documents').count();
    });

  test('fails with a clear error in the middle of traffic, leaves the others untouched, and recovers by itself with nothing lost', async () => {
    const name = `tenant_${broken.id.replaceAll('-', '')}`;
    const acknowledged = [await write(broken), await write(broken)];
    await database.root.script(`alter database ${name} with allow_connections false`);
    await database.root.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [
      name,
    ]);

    const refusals: unknown[] = [];
    for (let i = 0; i < 5; i += 1) {
      await write(broken).catch((cause: unknown) => refusals.push(cause));
      for (const tenant of others) await write(tenant);
    }
    expect(refusals).toHaveLength(5);
    for (const refusal of refusals) {
      expect(isBulkheadError(refusal, 'compartment_unreachable')).toBe(true);
      expect(refusal).toMatchObject({ status: 503, retry: 'later' });
    }
    for (const tenant of others) expect(await count(tenant)).toBe(5);

    await database.root.script(`alter database ${name} with allow_connections true`);
    expect(await count(broken)).toBe(acknowledged.length);
    await write(broken);
    expect(await count(broken)).toBe(acknowledged.length + 1);
  });
});
