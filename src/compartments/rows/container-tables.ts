import type { Placement } from '../../core/placement.ts';
import { toVersion, toVersionText } from '../../core/schema-version.ts';
import type { AdminDatabase } from '../../drivers/sql.ts';
import { parseContainer, schemaOf } from './container.ts';
import type { RowsDeps } from './deps.ts';
import { readApplied } from './migrations/history.ts';
import type { VersionTables } from './models.ts';
import type { TableSql } from './repository.ts';

/** The tables of the container that a handle speaks to. */
export interface ContainerTables {
  /** As far as this node knows; no I/O. */
  current(): ReadonlyMap<string, TableSql>;
  /** Asks the container. @returns whether it has others than was thought */
  refresh(): Promise<boolean>;
}

type VersionDeps = Pick<RowsDeps, 'tables' | 'versions'>;
type WithAdmin = <T>(placement: Placement, body: (admin: AdminDatabase) => Promise<T>) => Promise<T>;

export function tablesOf({ tables, versions }: VersionDeps, placement: Placement): VersionTables {
  return tables.at(versions.peek(placement.container));
}

export function containerTables(
  deps: VersionDeps,
  placement: Placement,
  withAdmin: WithAdmin,
): ContainerTables {
  return {
    current: () => tablesOf(deps, placement).byName,
    async refresh() {
      const before = tablesOf(deps, placement);
      const schema = schemaOf(parseContainer(placement));
      const applied = await withAdmin(placement, (admin) => readApplied(admin, schema));
      const version = toVersionText(toVersion(applied.map(({ set_name: set, number }) => ({ set, number }))));
      await deps.versions.record([{ container: placement.container, version }]);
      return tablesOf(deps, placement) !== before;
    },
  };
}
