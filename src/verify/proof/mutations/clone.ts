import { SqlError, type AdminDatabase } from '../../../drivers/sql.ts';
import type { ConditionId } from '../finding.ts';
import type { ProofOptions } from '../options.ts';
import { prove } from '../prove.ts';
import { cloneQuery, targetsQuery } from './clone-sql.ts';
import type { MutationTarget } from './mutation.ts';
import { mutationsOf, scoreMutations, type MutationScore } from './score.ts';

export interface CloneScore extends MutationScore {
  /** Tables that were broken, one way after the other. */
  readonly tables: readonly string[];
  /** Where the clone is not like the original, so that the score says less. */
  readonly differences: readonly string[];
}

/** Conditions that speak of what a clone carries over. */
const carried: ReadonlySet<ConditionId> = new Set([
  'S04',
  'S05',
  'S06',
  'S07',
  'S08',
  'S09',
  'S11',
  'S13',
  'S15',
  'S16',
  'S27',
]);

/**
 * Copies the shape of a live database into an empty one, without a row of data, and breaks the copy table by table: how
 * much the proof notices on this very schema. The live database is only read.
 * @param input.scratch an empty database that may be spoilt, embedded for instance
 * @param input.maxTables how many tables to break; each takes some seconds
 */
export async function scoreClone(
  live: AdminDatabase,
  input: {
    readonly scratch: AdminDatabase;
    readonly options: ProofOptions;
    readonly context: Pick<MutationTarget, 'context' | 'contextFunction' | 'contextSetting'>;
    readonly maxTables: number;
  },
): Promise<CloneScore> {
  const { scratch, options } = input;
  const refused = await copyShape(live, scratch, options.role);
  const differences = [...refused, ...(await compare(live, scratch, options))];
  const targets = (await readTargets(scratch, input)).slice(0, input.maxTables);
  const scores: MutationScore[] = [];
  for (const [at, target] of targets.entries()) {
    const name = `${target.schema}.${target.table}`;
    // What does not depend on the table needs to be broken once only.
    const mutations = mutationsOf(target).filter(({ sql }) => at === 0 || sql.includes(name));
    scores.push(await scoreMutations(scratch, { options, mutations }));
  }
  return {
    planted: scores.reduce((sum, score) => sum + score.planted, 0),
    caught: scores.reduce((sum, score) => sum + score.caught, 0),
    missed: scores.flatMap(({ missed }) => missed),
    notPlanted: scores.flatMap(({ notPlanted }) => notPlanted),
    tables: targets.map(({ schema, table }) => `${schema}.${table}`),
    differences,
  };
}

/** @returns statements that the scratch database refused */
async function copyShape(live: AdminDatabase, scratch: AdminDatabase, role: string): Promise<string[]> {
  const statements = await live.transaction(async (tx) => {
    await tx.script(
      'set transaction isolation level repeatable read read only; set local search_path = pg_catalog',
    );
    const { rows } = await tx.query<{ text: string }>(cloneQuery, [role]);
    return rows.map(({ text }) => text);
  });
  await scratch.script('revoke all on schema public from public');
  await scratch.script(
    `do $$ begin execute format('revoke all on database %I from public', current_database()); end $$`,
  );
  // Children may come before their parents, and views before those they read: go on while it helps.
  let pending = statements;
  let refused = await attempt(scratch, pending);
  while (refused.length > 0 && refused.length < pending.length) {
    pending = refused.map(({ text }) => text);
    refused = await attempt(scratch, pending);
  }
  return refused.map(({ text, reason }) => `${text.split('\n', 1)[0]?.slice(0, 80)}: ${reason}`);
}

interface Refused {
  readonly text: string;
  readonly reason: string;
}

async function attempt(scratch: AdminDatabase, statements: readonly string[]): Promise<readonly Refused[]> {
  const refused: Refused[] = [];
  for (const text of statements) {
    try {
      await scratch.script(
        `begin; set local check_function_bodies = off; set local search_path = pg_catalog; ${text}; commit`,
      );
    } catch (cause) {
      if (!(cause instanceof SqlError)) throw cause;
      refused.push({ text, reason: cause.message });
    }
  }
  return refused;
}

/** A clone is good for a score when the proof says of it what it says of the original. */
async function compare(
  live: AdminDatabase,
  scratch: AdminDatabase,
  options: ProofOptions,
): Promise<string[]> {
  const [original, copy] = [await prove(live, options), await prove(scratch, options)];
  const says = ({ findings }: typeof original): ReadonlySet<string> =>
    new Set(
      findings
        .filter(({ condition }) => carried.has(condition))
        .map((f) => `${f.condition} ${f.object} (${f.aspect})`),
    );
  const [was, is] = [says(original), says(copy)];
  const tables = copy.looked.tenantTables - original.looked.tenantTables;
  return [
    ...[...was].filter((finding) => !is.has(finding)).map((finding) => `only in the original: ${finding}`),
    ...[...is].filter((finding) => !was.has(finding)).map((finding) => `only in the clone: ${finding}`),
    ...(tables === 0
      ? []
      : [`the clone has ${Math.abs(tables)} tenant tables ${tables < 0 ? 'less' : 'more'}`]),
  ];
}

async function readTargets(
  scratch: AdminDatabase,
  { options, context }: Pick<Parameters<typeof scoreClone>[1], 'options' | 'context'>,
): Promise<MutationTarget[]> {
  const { tenantColumn, role, privateSchemas = [] } = options;
  const { rows: schemas } = await scratch.query<{ name: string }>(
    `select nspname as name from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema' and not nspname = any ($1)`,
    [privateSchemas],
  );
  const { rows } = await scratch.query<{
    schema: string;
    table: string;
    wall: string;
    column: string | null;
  }>(targetsQuery, [tenantColumn, schemas.map(({ name }) => name)]);
  return rows.flatMap(({ schema, table, wall, column }) =>
    column === null ? [] : [{ role, schema, table, tenantColumn, column, wall, ...context }],
  );
}
