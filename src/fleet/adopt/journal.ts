import { SqlError, type AdminDatabase, type AdminTransaction } from '../../drivers/sql.ts';
import { BulkheadError } from '../../core/errors.ts';
import type { AdoptPlan, AdoptStep } from './plan.ts';

/** The journal lies in the database that is adopted: it goes with a backup of it, and needs no other. */
const install = `
create schema if not exists bulkhead_adopt;
revoke all on schema bulkhead_adopt from public;
create table if not exists bulkhead_adopt.adoption (
  singleton boolean primary key default true check (singleton),
  plan jsonb not null,
  started_at timestamptz not null default statement_timestamp(),
  ended_at timestamptz
);
create table if not exists bulkhead_adopt.step (
  position integer primary key,
  name text not null,
  at timestamptz not null default statement_timestamp()
);`;

/** Any number that nobody else uses: two adoptions of one database take turns, and the second finds nothing to do. */
const lockKey = '7022337046882';

export interface JournalState {
  readonly plan: AdoptPlan;
  /** Positions of the steps that are done. */
  readonly done: ReadonlySet<number>;
  readonly endedAt: Date | undefined;
}

export async function readJournal(admin: AdminDatabase): Promise<JournalState | undefined> {
  const { rows: made } = await admin.query<{ made: boolean }>(
    `select to_regclass('bulkhead_adopt.adoption') is not null as made`,
  );
  if (made[0]?.made !== true) return undefined;
  const { rows } = await admin.query<{ plan: AdoptPlan; done: number[]; ended: Date | string | null }>(
    `select plan, ended_at as ended, coalesce((select jsonb_agg(position) from bulkhead_adopt.step), '[]') as done
       from bulkhead_adopt.adoption`,
  );
  const [row] = rows;
  return row === undefined
    ? undefined
    : {
        plan: row.plan,
        done: new Set(row.done),
        endedAt: row.ended === null ? undefined : new Date(row.ended),
      };
}

export async function beginJournal(admin: AdminDatabase, plan: AdoptPlan): Promise<void> {
  await admin.transaction(async (tx) => {
    await tx.query('select pg_advisory_xact_lock($1::bigint)', [lockKey]);
    await tx.script(install);
    await tx.query(
      'insert into bulkhead_adopt.adoption (plan) values ($1::text::jsonb) on conflict (singleton) do nothing',
      [JSON.stringify(plan)],
    );
  });
}

export async function endJournal(admin: AdminDatabase): Promise<void> {
  await admin.query('update bulkhead_adopt.adoption set ended_at = statement_timestamp()');
}

export async function dropJournal(admin: AdminDatabase): Promise<void> {
  await admin.script('drop schema if exists bulkhead_adopt cascade');
}

/** In the transaction that does the step, where it has one: then it is done exactly once. */
export async function recordStep(
  tx: Pick<AdminTransaction, 'query'>,
  position: number,
  { name }: AdoptStep,
): Promise<void> {
  await tx.query(
    'insert into bulkhead_adopt.step (position, name) values ($1, $2) on conflict (position) do nothing',
    [position, name],
  );
}

const attempts = 40;
const lockTimeoutMs = 500;

/**
 * A short transaction that never stands in a queue for long: everybody behind it would stand there too.
 * @throws operation_in_progress where the table stays in use
 */
export async function inShortTransaction(
  admin: AdminDatabase,
  body: (tx: AdminTransaction) => Promise<void>,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await admin.transaction(async (tx) => {
        await tx.script(`set local lock_timeout = ${lockTimeoutMs}`);
        await tx.query('select pg_advisory_xact_lock($1::bigint)', [lockKey]);
        await body(tx);
      });
    } catch (cause) {
      const isLocked = cause instanceof SqlError && ['55P03', '40P01'].includes(cause.sqlState);
      if (!isLocked) throw cause;
      if (attempt === attempts)
        throw new BulkheadError(
          'operation_in_progress',
          { reason: 'a table stayed locked by others', hint: 'run the same again when it is quieter' },
          { cause },
        );
      await pause(Math.min(2_000, 50 * attempt));
    }
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
