import { randomBytes } from 'node:crypto';
import { BulkheadError } from '../../core/errors.ts';
import { newUuid7, parseRowId } from '../../core/ids.ts';
import type { Actor } from '../../core/scope.ts';
import { SqlError, type AdminDatabase } from '../../drivers/sql.ts';
import type { FleetRun, FleetRunDetail, PlannedContainer, RunContainer, RunState } from '../fleet.ts';
import {
  containerColumns,
  runColumns,
  toRun,
  toRunContainer,
  type ContainerRow,
  type RunRow,
} from './run-row.ts';

// Database time, so that nodes need not agree on the hour.
const leaseEnd = (parameter: string): string =>
  `statement_timestamp() + make_interval(secs => ${parameter}::float8)`;

const beginText = `insert into bulkhead.fleet_run (id, target, options, actor_kind, actor_id, owner_node, lease_until)
  values ($1::uuid, $2, $3::jsonb, $4, $5, $6, ${leaseEnd('$7')})`;

const plannedText = `insert into bulkhead.fleet_run_container (run_id, container, tenant_id, ring, from_version, state)
  select $1::uuid, * from unnest($2::text[], $3::uuid[], $4::text[], $5::text[], $6::text[])
  on conflict (run_id, container) do nothing`;

// Whose owner shows no sign of life is taken over; a paused one goes on. Nobody takes one that is alive.
const claimText = `update bulkhead.fleet_run set state = 'running', reason = null, ended_at = null,
    owner_node = $2, lease_until = ${leaseEnd('$3')}
  where id = $1::uuid and (state = 'paused' or (state = 'running' and lease_until < statement_timestamp()))`;

const recordText = `with held as (update bulkhead.fleet_run set lease_until = ${leaseEnd('$3')}
    where id = $1::uuid and state = 'running' and owner_node = $2 returning id),
  ended as (update bulkhead.fleet_run_container c set state = e.state, to_version = e.to_version, code = e.code,
      reason = e.reason, duration_ms = e.duration_ms, at = statement_timestamp()
    from jsonb_to_recordset($4::text::jsonb) as e
      (container text, state text, to_version text, code text, reason text, duration_ms integer)
    where c.run_id = (select id from held) and c.container = e.container)
  select 1 as held from held`;

const endText = `update bulkhead.fleet_run set state = $3, reason = $4,
    ended_at = case when $3 = 'paused' then null else statement_timestamp() end
  where id = $1::uuid and state = 'running' and owner_node = $2`;

export interface EndedContainer {
  readonly container: string;
  readonly state: 'done' | 'failed' | 'skipped';
  readonly to: string | undefined;
  readonly code: string | undefined;
  readonly reason: string | undefined;
  readonly durationMs: number;
}

export interface NewRun {
  readonly target: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly actor: Actor;
}

/** The journal of runs. What a container has is its own to say; this says what a run did and still has to do. */
export class SqlRunStore {
  readonly #control: AdminDatabase;
  readonly #owner: string;
  readonly #leaseS: number;

  constructor(control: AdminDatabase, options: { readonly leaseMs: number }) {
    this.#control = control;
    this.#leaseS = options.leaseMs / 1_000;
    this.#owner = `${process.pid}/${randomBytes(6).toString('hex')}`;
  }

  /** @throws operation_in_progress */
  async begin(run: NewRun): Promise<string> {
    const id = newUuid7();
    const { target, options, actor } = run;
    const values = [id, target, JSON.stringify(options), actor.kind, actor.id, this.#owner, this.#leaseS];
    try {
      await this.#control.query(beginText, values);
    } catch (cause) {
      if (cause instanceof SqlError && cause.constraint === 'fleet_run_running_key') throw inProgress(cause);
      throw cause;
    }
    return id;
  }

  async addContainers(
    run: string,
    planned: readonly PlannedContainer[],
    state: 'pending' | 'frozen',
  ): Promise<void> {
    if (planned.length === 0) return;
    await this.#control.query(plannedText, [
      run,
      planned.map(({ container }) => container),
      planned.map(({ tenant }) => tenant ?? null),
      planned.map(({ ring }) => ring),
      planned.map(({ from }) => from),
      planned.map(() => state),
    ]);
  }

  /** Containers that failed or were left over get another chance. */
  async reopen(run: string): Promise<void> {
    await this.#control.query(
      `update bulkhead.fleet_run_container set state = 'pending', code = null, reason = null
         where run_id = $1::uuid and state in ('failed', 'skipped')`,
      [run],
    );
  }

  /** @throws operation_in_progress where it is under way elsewhere */
  async claim(run: string): Promise<void> {
    try {
      const { rowCount } = await this.#control.query(claimText, [run, this.#owner, this.#leaseS]);
      if (rowCount === 0) throw inProgress();
    } catch (cause) {
      if (cause instanceof SqlError && cause.constraint === 'fleet_run_running_key') throw inProgress(cause);
      throw cause;
    }
  }

  /** The one that runs, dead or alive. */
  async running(): Promise<{ readonly id: string; readonly alive: boolean } | undefined> {
    const { rows } = await this.#control.query<{ id: string; alive: boolean }>(
      `select id::text as id, lease_until >= statement_timestamp() as alive
         from bulkhead.fleet_run where state = 'running'`,
    );
    return rows[0];
  }

  /** Journals what ended and renews the lease; with nothing ended it is the sign of life. @returns whether the run is still ours */
  async record(run: string, ended: readonly EndedContainer[]): Promise<boolean> {
    const list = ended.map(({ container, state, to, code, reason, durationMs }) => ({
      container,
      state,
      to_version: to ?? null,
      code: code ?? null,
      reason: reason?.slice(0, 2_000) ?? null,
      duration_ms: Math.round(durationMs),
    }));
    const values = [run, this.#owner, this.#leaseS, JSON.stringify(list)];
    const { rows } = await this.#control.query(recordText, values);
    return rows.length > 0;
  }

  async end(run: string, state: RunState, reason: string | undefined): Promise<void> {
    await this.#control.query(endText, [run, this.#owner, state, reason ?? null]);
  }

  /** Whoever runs it finds out with the next container it journals. */
  async cancel(run: string): Promise<void> {
    const { rowCount } = await this.#control.query(
      `update bulkhead.fleet_run set state = 'cancelled', ended_at = statement_timestamp()
         where id = $1::uuid and state in ('running', 'paused')`,
      [run],
    );
    if (rowCount === 0) throw new BulkheadError('transition_refused', { reason: 'the run has ended' });
  }

  async options(run: string): Promise<Readonly<Record<string, unknown>>> {
    const { rows } = await this.#control.query<{ options: Readonly<Record<string, unknown>> }>(
      'select options from bulkhead.fleet_run where id = $1::uuid',
      [run],
    );
    return rows[0]?.options ?? {};
  }

  async list(limit: number): Promise<readonly FleetRun[]> {
    const { rows } = await this.#control.query<RunRow>(
      `select ${runColumns} from bulkhead.fleet_run r order by r.started_at desc, r.id desc limit $1::int`,
      [Math.min(Math.max(1, Math.trunc(limit)), 1_000)],
    );
    return rows.map(toRun);
  }

  async read(raw: string): Promise<FleetRun | undefined> {
    const id = parseRowId(raw);
    if (id === undefined) return undefined;
    const { rows } = await this.#control.query<RunRow>(
      `select ${runColumns} from bulkhead.fleet_run r where r.id = $1::uuid`,
      [id],
    );
    return rows[0] === undefined ? undefined : toRun(rows[0]);
  }

  async detail(id: string): Promise<FleetRunDetail | undefined> {
    const run = await this.read(id);
    return run === undefined ? undefined : { ...run, containers: await this.containers(run.id) };
  }

  async containers(run: string): Promise<readonly RunContainer[]> {
    const { rows } = await this.#control.query<ContainerRow>(
      `select ${containerColumns} from bulkhead.fleet_run_container c where c.run_id = $1::uuid
         order by c.state <> 'failed', c.container limit 10000`,
      [run],
    );
    return rows.map(toRunContainer);
  }
}

function inProgress(cause?: unknown): BulkheadError {
  return new BulkheadError(
    'operation_in_progress',
    { reason: 'a migration of the fleet is under way', hint: 'watch it with: bulkhead migrate --status' },
    { cause },
  );
}
