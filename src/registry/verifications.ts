import { randomUUID } from 'node:crypto';
import { BulkheadError } from '../core/errors.ts';
import { newUuid7, parseRowId } from '../core/ids.ts';
import type { Actor } from '../core/scope.ts';
import { SqlError, type AdminDatabase } from '../drivers/sql.ts';

export interface VerificationProgress {
  readonly done: number;
  readonly total: number;
  readonly label: string;
}

/** One verification, as journalled. `result` is whatever the verifier came to, as JSON. */
export interface VerificationRecord {
  readonly id: string;
  readonly state: 'running' | 'done' | 'failed';
  readonly progress: VerificationProgress | undefined;
  readonly result: unknown;
  readonly failure: string | undefined;
  readonly startedAt: Date;
  readonly endedAt: Date | undefined;
}

export interface VerificationStore {
  /** @throws operation_in_progress while one runs */
  begin(options: Readonly<Record<string, unknown>>, actor: Actor): Promise<VerificationRecord>;
  /** The sign of life too. */
  progress(id: string, progress: VerificationProgress): Promise<void>;
  end(id: string, outcome: { readonly result: unknown } | { readonly failure: string }): Promise<void>;
  read(id: string): Promise<VerificationRecord | undefined>;
  /** Newest first; of results the verdict alone. */
  list(limit: number): Promise<readonly VerificationRecord[]>;
}

/** A process that gave no sign for so long is taken to be dead. */
const lease = `statement_timestamp() + interval '2 minutes'`;
/** So many are kept. */
const kept = 100;

// One that nobody works on any more is ended here, so that it stands in nobody's way.
const buryText = `update bulkhead.verification set state = 'failed', ended_at = statement_timestamp(),
    failure = 'the process that ran it has gone'
  where state = 'running' and lease_until < statement_timestamp()`;

const verdictAlone = `case when result is null then null else jsonb_build_object('verdict', result -> 'verdict') end`;

const columns = (result: 'result' | typeof verdictAlone): string =>
  `id::text as id, state, progress, ${result} as result, failure, started_at as "startedAt", ended_at as "endedAt"`;

const beginText = `insert into bulkhead.verification (id, options, actor_kind, actor_id, owner_node, lease_until)
  values ($1::uuid, $2::jsonb, $3, $4, $5, ${lease}) returning ${columns('result')}`;

const forgetText = `delete from bulkhead.verification where state <> 'running' and id not in
  (select id from bulkhead.verification order by started_at desc, id desc limit ${kept})`;

interface VerificationRow extends Record<string, unknown> {
  readonly id: string;
  readonly state: VerificationRecord['state'];
  readonly progress: VerificationProgress | null;
  readonly result: unknown;
  readonly failure: string | null;
  readonly startedAt: Date;
  readonly endedAt: Date | null;
}

export class SqlVerificationStore implements VerificationStore {
  readonly #admin: AdminDatabase;
  readonly #owner = randomUUID();

  constructor(admin: AdminDatabase) {
    this.#admin = admin;
  }

  async begin(options: Readonly<Record<string, unknown>>, actor: Actor): Promise<VerificationRecord> {
    await this.#admin.query(buryText);
    try {
      const values = [newUuid7(), JSON.stringify(options), actor.kind, actor.id, this.#owner];
      const { rows } = await this.#admin.query<VerificationRow>(beginText, values);
      await this.#admin.query(forgetText);
      const [row] = rows;
      if (row === undefined)
        throw new BulkheadError('internal', { reason: 'a verification was not journalled' });
      return toRecord(row);
    } catch (cause) {
      if (cause instanceof SqlError && cause.constraint === 'verification_running_key')
        throw new BulkheadError(
          'operation_in_progress',
          { reason: 'a verification is under way' },
          { cause },
        );
      throw cause;
    }
  }

  async progress(id: string, progress: VerificationProgress): Promise<void> {
    await this.#admin.query(
      `update bulkhead.verification set progress = $2::jsonb, lease_until = ${lease}
         where id = $1::uuid and state = 'running' and owner_node = $3`,
      [id, JSON.stringify(progress), this.#owner],
    );
  }

  async end(id: string, outcome: Parameters<VerificationStore['end']>[1]): Promise<void> {
    const isDone = 'result' in outcome;
    await this.#admin.query(
      `update bulkhead.verification set state = $2, result = $3::jsonb, failure = $4, ended_at = statement_timestamp()
         where id = $1::uuid and state = 'running' and owner_node = $5`,
      [
        id,
        isDone ? 'done' : 'failed',
        isDone ? JSON.stringify(outcome.result) : null,
        isDone ? null : outcome.failure.slice(0, 2_000),
        this.#owner,
      ],
    );
  }

  async read(raw: string): Promise<VerificationRecord | undefined> {
    const id = parseRowId(raw);
    if (id === undefined) return undefined;
    await this.#admin.query(buryText);
    const { rows } = await this.#admin.query<VerificationRow>(
      `select ${columns('result')} from bulkhead.verification where id = $1::uuid`,
      [id],
    );
    return rows[0] === undefined ? undefined : toRecord(rows[0]);
  }

  async list(limit: number): Promise<readonly VerificationRecord[]> {
    const { rows } = await this.#admin.query<VerificationRow>(
      `select ${columns(verdictAlone)} from bulkhead.verification order by started_at desc, id desc limit $1::int`,
      [Math.min(Math.max(1, Math.trunc(limit)), kept)],
    );
    return rows.map(toRecord);
  }
}

function toRecord({ progress, failure, endedAt, result, ...rest }: VerificationRow): VerificationRecord {
  return {
    ...rest,
    progress: progress ?? undefined,
    result: result ?? undefined,
    failure: failure ?? undefined,
    endedAt: endedAt ?? undefined,
  };
}
