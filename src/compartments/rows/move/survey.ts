import type { Clock } from '../../../core/clock.ts';
import type { Placement } from '../../../core/placement.ts';
import type { MoveSurvey } from '../../../core/relocation.ts';
import type { SqlServer } from '../../../drivers/server.ts';
import { serverToBe } from '../deps.ts';
import { quote } from '../filter.ts';
import type { Table } from '../tables.ts';
import { asMover, type MoveEnd } from './end.ts';

export interface SurveyDeps {
  readonly clock: Clock;
  server(name: string): Promise<SqlServer>;
  /** Which migrations a container has; undefined = all there are. */
  versionOf(container: string): string | undefined;
  /** What a new container would have. */
  readonly newestVersion: string;
}

interface SurveyInput {
  readonly from: Placement;
  readonly to: Placement;
  readonly ends: { readonly from: MoveEnd; readonly to: MoveEnd };
  readonly tables: readonly Table[];
}

interface TableSize {
  readonly table: Table;
  readonly count: bigint;
  readonly sizeBytes: bigint;
}

/** Tables without a key cannot be copied in pages, nor caught up with row by row. */
const keylessRows = 100_000n;
const largeRows = 10_000_000n;
const sampleRows = 2_000;
/** Writing into a table with indexes takes about this many times as long as reading it. */
const writeFactor = 5;

/** Counts, reads a little, and looks at the target's server. Changes nothing. */
export async function surveyRows(deps: SurveyDeps, input: SurveyInput): Promise<MoveSurvey> {
  const { from } = input.ends;
  const sizes = await measureTables(from, input.tables);
  const perRowMs = await sampleRead(deps.clock, from, sizes);
  const rows = sizes.reduce((sum, { count }) => sum + count, 0n);
  return {
    parts: sizes.map(({ table, count, sizeBytes }) => ({ part: table.name, count, sizeBytes })),
    estimatedMs: Math.ceil(Number(rows) * perRowMs * writeFactor + 500),
    risks: [...toRisks(sizes), ...(await readServerRisks(deps, input))],
    refusals: [
      ...toKeylessRefusals(sizes),
      ...toVersionRefusals(deps, input),
      ...(await readPlaceRefusals(deps, input)),
    ],
  };
}

async function measureTables(from: MoveEnd, tables: readonly Table[]): Promise<readonly TableSize[]> {
  const sizes: TableSize[] = [];
  for (const table of tables) {
    const { rows } = await from.withAdmin((admin) =>
      asMover(admin, from, {
        as: 'reader',
        body: (tx) =>
          tx.query<{ count: string; bytes: string }>(
            `select (select count(*) from ${quote(table.name)} t where t.tenant_id = $1)::text as count,
               (select coalesce(avg(pg_column_size(s.*)), 0)::bigint from
                 (select * from ${quote(table.name)} t where t.tenant_id = $1 limit ${sampleRows}) s)::text as bytes`,
            [from.tenant],
          ),
      }),
    );
    const count = BigInt(rows[0]?.count ?? '0');
    sizes.push({ table, count, sizeBytes: count * BigInt(rows[0]?.bytes ?? '0') });
  }
  return sizes;
}

/** Milliseconds to read one row of the largest table, as text. */
async function sampleRead(clock: Clock, from: MoveEnd, sizes: readonly TableSize[]): Promise<number> {
  const [largest] = sizes.toSorted((a, b) => Number(b.count - a.count));
  if (largest === undefined || largest.count === 0n) return 0;
  const startedMs = clock.monotonicMs();
  await from.withAdmin((admin) =>
    asMover(admin, from, {
      as: 'reader',
      body: (tx) =>
        tx.query(
          `select sum(octet_length(s::text)) from
             (select * from ${quote(largest.table.name)} t where t.tenant_id = $1 limit ${sampleRows}) s`,
          [from.tenant],
        ),
    }),
  );
  const read = Math.min(sampleRows, Number(largest.count));
  // A small sample measures the round trips: no row takes longer than this.
  return Math.min((clock.monotonicMs() - startedMs) / read, 0.02);
}

function toRisks(sizes: readonly TableSize[]): readonly string[] {
  return sizes.flatMap(({ table, count }) => [
    ...(table.primaryKey.length === 0 && count > 1n
      ? [`${table.name} has no key: one changed row has all ${count} copied again`]
      : []),
    ...(count > largeRows
      ? [`${table.name} is large: its ${count} rows are counted while writes are paused`]
      : []),
  ]);
}

async function readServerRisks(deps: SurveyDeps, { ends }: SurveyInput): Promise<readonly string[]> {
  if (ends.to.container.server === serverToBe) return [];
  const { pool } = await deps.server(ends.to.container.server);
  const { rows } = await pool.query<{ free: boolean }>(
    `select has_parameter_privilege(current_user, 'session_replication_role', 'set') as free`,
  );
  return rows[0]?.free === true
    ? []
    : [
        'the owner of the target may not set session_replication_role: foreign keys are checked for each row, and rows that swap a unique value while they are moved end the move',
      ];
}

function toKeylessRefusals(sizes: readonly TableSize[]): readonly string[] {
  return sizes
    .filter(({ table, count }) => table.primaryKey.length === 0 && count > keylessRows)
    .map(({ table, count }) => `${table.name} has ${count} rows and no primary key; give it one`);
}

/** Rows fit between equal tables alone. A new container gets the newest ones; a shared one has what it has. */
function toVersionRefusals(deps: SurveyDeps, { from, to, ends }: SurveyInput): readonly string[] {
  const source = deps.versionOf(from.container) ?? deps.newestVersion;
  const target =
    ends.to.container.kind === 'shared'
      ? (deps.versionOf(to.container) ?? deps.newestVersion)
      : deps.newestVersion;
  return source === target
    ? []
    : [`its tables are at ${source || 'no version'}, those of the target at ${target}; migrate first`];
}

/**
 * Two names may mean one server. There a database of the tenant's own would be moved onto itself, and erased as its own
 * target.
 */
async function readPlaceRefusals(deps: SurveyDeps, input: SurveyInput): Promise<readonly string[]> {
  const [source, target] = [input.ends.from.container, input.ends.to.container];
  if (source.kind !== 'database' || target.kind !== 'database') return [];
  if (target.server === serverToBe) return [];
  const servers = await Promise.all([deps.server(source.server), deps.server(target.server)]);
  const [one, other] = await Promise.all(servers.map(readIdentity));
  return one !== undefined && one === other
    ? [`${source.server} and ${target.server} are the same server`]
    : [];
}

/** The moment a server started, in microseconds, tells it from every other. Embedded ones are told apart by their names. */
async function readIdentity(server: SqlServer): Promise<string | undefined> {
  if (server.dialect === 'pglite') return undefined;
  const { rows } = await server.pool.query<{ started: string }>(
    `select extract(epoch from pg_postmaster_start_time())::text as started`,
  );
  return rows[0]?.started;
}
