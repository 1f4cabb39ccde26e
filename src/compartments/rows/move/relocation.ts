import type { EraseReceipt } from '../../../core/compartment.ts';
import { BulkheadError } from '../../../core/errors.ts';
import type { Placement } from '../../../core/placement.ts';
import type { Relocation } from '../../../core/relocation.ts';
import { SqlError } from '../../../drivers/sql.ts';
import { tenantTables, type Table } from '../tables.ts';
import { dropTriggers, installTriggers } from './capture.ts';
import { compareCounts } from './compare-counts.ts';
import { copyTable } from './copy.ts';
import type { MoveEnd } from './end.ts';
import { pauseWrites, readGate, setGate } from './gate.ts';
import { replayChanges } from './replay.ts';
import { surveyRows, type SurveyDeps } from './survey.ts';

/** What a relocation of rows needs of its compartment. */
export interface RowsMoveDeps extends SurveyDeps {
  end(placement: Placement): MoveEnd;
  tablesOf(placement: Placement): readonly Table[];
  /** Erases the container; the tenant's credentials stay, they are the other container's too. */
  erase(placement: Placement): Promise<EraseReceipt>;
  /** What this node remembers of the tenant there. */
  forget(placement: Placement): void;
}

/** Rounds of catching up in the pause: what is left then is what was noted between two looks. */
const lastRounds = 200;

export function relocateRows(
  deps: RowsMoveDeps,
  way: { readonly from: Placement; readonly to: Placement },
): Relocation {
  const from = deps.end(way.from);
  const to = deps.end(way.to);
  const ends = { from, to };
  const tables = (): readonly Table[] => tenantTables(deps.tablesOf(way.from));
  const forgetBoth = (): void => {
    deps.forget(way.from);
    deps.forget(way.to);
  };

  return {
    ...way,
    get parts() {
      return tables().map(({ name }) => name);
    },
    survey: () => surveyRows(deps, { ...way, ends, tables: tables() }),
    async capture() {
      await installTriggers(from, tables());
      await setGate(from, { capturing: true });
      // Ready to note from the moment it takes writes; in a shared schema that is a lock better not waited for in the pause.
      await installTriggers(to, tables());
    },
    async copy(part, watch) {
      const table = tables().find(({ name }) => name === part);
      if (table === undefined) throw new BulkheadError('internal', { reason: `there is no table ${part}` });
      return await explained(copyTable(ends, table, watch));
    },
    catchUp: () => explained(replayChanges(ends, tables())),
    compare: async () => ({ counts: await compareCounts(ends, tables()) }),
    pause: () => pauseWrites(from),
    resume: () => setGate(from, { writesPaused: false }),
    async settle() {
      assertSameVersion(deps, way);
      await explained(drain(ends, tables()));
      return { counts: {} };
    },
    async admit(what) {
      if (what === 'reads') {
        // A suspended tenant is sealed at its source, and so it is at its target.
        const { sealed } = await readGate(from);
        await setGate(to, { sealed, writesPaused: true, capturing: true });
      } else await setGate(to, { writesPaused: false });
      forgetBoth();
    },
    async retire() {
      await setGate(from, { sealed: true, writesPaused: false, capturing: false });
      forgetBoth();
    },
    async abandon() {
      await setGate(from, { writesPaused: false, capturing: false });
      forgetBoth();
      await forgetNotes(from);
      await dropTriggers(from, tables());
    },
    async discard() {
      // A container of the tenant's own takes them along, and may not be there at all.
      if (to.container.kind === 'shared') await dropTriggers(to, tables());
      await eraseWhole(deps, way.to);
    },
    async confirm() {
      await setGate(to, { capturing: false });
      await forgetNotes(to);
      await dropTriggers(to, tables());
      await dropTriggers(from, tables());
      return await eraseWhole(deps, way.from);
    },
  };
}

/** A server without room says so in a class of errors of its own; what it means here is that the tenant cannot be there. */
async function explained<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    if (!(cause instanceof SqlError) || !cause.sqlState.startsWith('53')) throw cause;
    throw new BulkheadError(
      'isolation_unavailable',
      { reason: 'the target is out of disk space or another resource', sqlState: cause.sqlState },
      { cause },
    );
  }
}

/** A migration that came to one of them meanwhile changes rows without a note. */
function assertSameVersion(
  deps: RowsMoveDeps,
  way: { readonly from: Placement; readonly to: Placement },
): void {
  const version = ({ container }: Placement): string => deps.versionOf(container) ?? deps.newestVersion;
  if (version(way.from) !== version(way.to))
    throw new BulkheadError('operation_in_progress', {
      reason: 'the tables were migrated meanwhile; move again when the migration is done',
    });
}

async function drain(
  ends: { readonly from: MoveEnd; readonly to: MoveEnd },
  tables: readonly Table[],
): Promise<void> {
  for (let round = 0; round < lastRounds; round += 1) if ((await replayChanges(ends, tables)) === 0) return;
  throw new BulkheadError('internal', { reason: 'changes went on being noted in the pause' });
}

async function forgetNotes(end: MoveEnd): Promise<void> {
  await end.withAdmin((admin) =>
    admin.query('delete from bulkhead_wall.move_change where tenant_id = $1 and schema_name = $2', [
      end.tenant,
      end.schema,
    ]),
  );
}

async function eraseWhole(deps: RowsMoveDeps, placement: Placement): Promise<EraseReceipt> {
  const receipt = await deps.erase(placement);
  if (receipt.left !== 0n)
    throw new BulkheadError('internal', {
      reason: 'the erasure left data behind',
      left: Number(receipt.left),
    });
  return receipt;
}
