import type { RoleNames } from './compartments/rows/container.ts';
import type { AdminDatabase } from './drivers/sql.ts';
import type { SchemaScore } from './verify/faults/score.ts';
import { scoreClone } from './verify/proof/mutations/clone.ts';
import { bulkheadProof, wallContext } from './verify/proof/preset.ts';

export interface SchemaScoreDeps {
  readonly live: AdminDatabase;
  /** An empty database that may be spoilt. */
  readonly openScratch: () => Promise<{ readonly admin: AdminDatabase; close(): Promise<void> }>;
  readonly roles: RoleNames;
  readonly globalTables: readonly string[];
}

export type ScoreSchema = (maxTables: number) => Promise<SchemaScore>;

/** Copies the shape of the pool database into an embedded one and breaks the copy, table by table. The original is read. */
export function createSchemaScore(deps: SchemaScoreDeps): ScoreSchema {
  const { live, roles, globalTables } = deps;
  return async (maxTables) => {
    const scratch = await deps.openScratch();
    try {
      const score = await scoreClone(live, {
        scratch: scratch.admin,
        options: bulkheadProof({ appRole: roles.app, wallRole: roles.wall, globalTables }),
        context: {
          context: wallContext,
          contextFunction: wallContext,
          contextSetting: 'bulkhead.capability',
        },
        maxTables,
      });
      const { planted, caught, missed, notPlanted, tables, differences } = score;
      return { planted, caught, missed, notPlanted, tables, differences };
    } finally {
      await scratch.close();
    }
  };
}
