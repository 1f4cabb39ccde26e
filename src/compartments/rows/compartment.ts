import type { RowsDeps } from './deps.ts';
import { probeRows } from './probe/probe.ts';
import type { RowsCompartment } from './rows.ts';
import { createTables } from './walled-tables.ts';

/** Rows in Postgres: the tables that migrations make, as repositories and SQL. */
export function createRows(deps: RowsDeps): RowsCompartment {
  const { compartment } = createTables(deps);
  return {
    ...compartment,
    // Through `this`: what stands around a compartment, as a fault under test does, is attacked with it.
    probe(target) {
      return probeRows(target, (scope) => this.open(scope));
    },
  };
}
