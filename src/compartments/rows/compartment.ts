import type { RowsDeps } from './deps.ts';
import { probeRows } from './probe.ts';
import type { RowsCompartment } from './rows.ts';
import { createTables } from './walled-tables.ts';

/** Rows in Postgres: the tables that migrations make, as repositories and SQL. */
export function createRows(deps: RowsDeps): RowsCompartment {
  const { compartment } = createTables(deps);
  return { ...compartment, probe: (target) => probeRows(target, (scope) => compartment.open(scope)) };
}
