import { expect, test } from 'vitest';
import { createVerifier } from '../../../src/create-verifier.ts';
import { newTestDatabase, newTestNode } from '../../support/node.ts';
import { describeWith } from '../../support/services.ts';

describeWith('postgres', 'a node under load', (url) => {
  test(
    'holds while its tenants write, are moved and are migrated, on pools of one connection',
    { timeout: 300_000 },
    async () => {
      await using database = await newTestDatabase(url);
      await using bed = await newTestNode({
        databaseUrl: database.url,
        env: { BULKHEAD_POOL_MIN: '1', BULKHEAD_POOL_MAX: '1', BULKHEAD_TENANT_POOL_MAX: '1' },
      });
      const verify = createVerifier(bed.node, { version: 'test' });
      const result = await verify({ sample: 0, mutations: 'without', maxTables: 0, meanwhile: 'stirred' });
      expect([result.verdict, result.reasons]).toEqual(['held', []]);
      expect(result.stirred?.statements).toBeGreaterThan(50);
      expect(result.stirred?.moves).toBeGreaterThanOrEqual(1);
      expect(result.stirred?.migrations).toBeGreaterThanOrEqual(1);
      const { tenants } = await bed.node.registry.tenants.list({ limit: 200, state: 'active' });
      expect(tenants).toEqual([]);
    },
  );
});
