import { expect, test } from 'vitest';
import { ownName } from '../../../src/compartments/rows/container.ts';
import { openPostgresAdmin } from '../../../src/drivers/postgres/open.ts';
import { bulkheadProof } from '../../../src/verify/proof/preset.ts';
import { prove } from '../../../src/verify/proof/prove.ts';
import { newTestDatabase, newTestNode } from '../../support/node.ts';
import { describeWith } from '../../support/services.ts';

describeWith('postgres', 'containers that Bulkhead made', (url) => {
  test('hold for every login that serves them', { timeout: 120_000 }, async () => {
    await using database = await newTestDatabase(url);
    await using bed = await newTestNode({ databaseUrl: database.url });
    await bed.tenant('shared');
    await bed.tenant('schema');
    const own = await bed.tenant('database');
    const { rows } = await database.root.query<{ prefix: string }>(
      'select role_prefix as prefix from bulkhead.installation',
    );
    const prefix = rows[0]?.prefix ?? '';
    const wallRole = `${prefix}_wall`;

    const pool = await prove(database.root, bulkheadProof({ appRole: `${prefix}_app`, wallRole }));
    expect(pool.findings.filter(({ condition }) => condition !== 'S26')).toEqual([]);
    expect(pool.verdict).toBe('held');
    // The login itself, its group, and the roles of the schema tenant: for rows, for memory, for vectors.
    expect(pool.looked.roles).toBe(5);
    expect(pool.looked.tenantTables).toBeGreaterThan(1);

    const address = new URL(database.url);
    address.pathname = `/${ownName(own.id)}`;
    const admin = openPostgresAdmin({ url: address.href, applicationName: 'bulkhead-test' });
    try {
      const login = `${prefix}_d${ownName(own.id).slice('tenant'.length)}`;
      const result = await prove(admin, bulkheadProof({ appRole: login, wallRole }));
      expect(result.findings.filter(({ condition }) => condition !== 'S26')).toEqual([]);
      expect(result.verdict).toBe('held');
    } finally {
      await admin.close();
    }
  });
});
