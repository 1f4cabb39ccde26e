import type { Bulkhead } from '../../bulkhead.ts';
import { roleNames } from '../../compartments/rows/container.ts';
import { openDatabase } from '../../compose.ts';
import { bulkheadProof } from '../../verify/proof/preset.ts';
import { prove } from '../../verify/proof/prove.ts';
import { fail, ok, untested, warn, type Check } from './check.ts';

const named = 3;

/** The static proof of the pool database: every wall of every schema in it, from the catalogue. */
export async function checkWalls({ config, registry }: Bulkhead): Promise<readonly Check[]> {
  const about = { area: 'walls', name: 'proof of the pool database' } as const;
  if (config.databaseUrl === undefined)
    return [
      untested(
        about,
        'an embedded database is open to one session',
        'its walls are attacked by: bulkhead demo',
      ),
    ];
  const { app, wall } = roleNames(registry.rolePrefix);
  const database = openDatabase(config.databaseUrl);
  try {
    const globalTables = config.sharedTables;
    const result = await prove(database, bulkheadProof({ appRole: app, wallRole: wall, globalTables }));
    const errors = result.findings.filter(({ severity }) => severity === 'error');
    const [first] = errors;
    if (first !== undefined)
      return [
        fail(
          about,
          errors
            .slice(0, named)
            .map(({ condition, object, reason }) => `${condition} ${object}: ${reason}`)
            .join('; '),
          `see all of it with: bulkhead prove --role ${app}`,
        ),
      ];
    const { relations, tenantTables } = result.looked;
    const shown = `${result.conditions.length} conditions over ${relations} relations, ${tenantTables} of tenants`;
    if (result.verdict === 'inconclusive') return [untested(about, result.doubts.join('; '))];
    const warnings = result.findings.length;
    return [
      warnings === 0
        ? ok(about, shown)
        : warn(about, `${shown}; ${warnings} warnings`, `bulkhead prove --role ${app}`),
    ];
  } finally {
    await database.close();
  }
}
