import { randomBytes } from 'node:crypto';
import { BulkheadError } from '../core/errors.ts';
import { newUuid7 } from '../core/ids.ts';
import type { Actor } from '../core/scope.ts';
import type { AdminDatabase } from '../drivers/sql.ts';
import { toAuditDetail } from './audit-detail.ts';
import { operationColumns, parseOperationRow, toJournalJson } from './operation-row.ts';
import type {
  Operation,
  OperationPage,
  OperationProgress,
  OperationQuery,
  OperationStore,
} from './operation.ts';
import { parsePosition, toPosition } from './page-position.ts';
import { refusing, writeAudited, type AuditNote } from './write.ts';

/** Database time throughout: nodes need not agree on the hour. */
const leaseEnd = (parameter: string): string =>
  `statement_timestamp() + make_interval(secs => ${parameter}::float8)`;

const beginText = `insert into bulkhead.operation as o
    (id, tenant_id, kind, input, actor_kind, actor_id, owner_node, lease_until)
  values ($6::uuid, $4::uuid, $7, $8::jsonb, $1, $2, $9, ${leaseEnd('$10')}) returning ${operationColumns}`;

/**
 * In a select list: this commit does not wait for the disk. What the journal loses in a crash of the database is its
 * end, and steps that are done again end the same. Every other commit waits, and takes those before it along.
 */
const unhurried = (parameter: string): string => `set_config('synchronous_commit', ${parameter}::text, true)`;

const heartbeatText = `update bulkhead.operation set lease_until = ${leaseEnd('$3')}
  where id = $1::uuid and state = 'running' and owner_node = $2 returning ${unhurried('$4')}`;

// A step that is recorded twice stays as it was first recorded. Recording renews the lease.
const stepText = `with held as (update bulkhead.operation set lease_until = ${leaseEnd('$5')}
    where id = $1::uuid and state = 'running' and owner_node = $2 returning id),
  step as (insert into bulkhead.operation_step (operation_id, name, result)
    select id, $3, $4::jsonb from held on conflict (operation_id, name) do nothing)
  select ${unhurried('$6')} from held`;

const progressText = `update bulkhead.operation set progress = $4::jsonb, lease_until = ${leaseEnd('$3')}
  where id = $1::uuid and state = 'running' and owner_node = $2 returning cancel_requested as cancel`;

// Its own audit entry: only the row knows who began it.
const endText = `with ended as (
    update bulkhead.operation set state = $3, failure = $4::jsonb, ended_at = statement_timestamp()
    where id = $1::uuid and state = 'running' and owner_node = $2
    returning tenant_id, kind, actor_kind, actor_id),
  noted as (insert into bulkhead.audit_event (actor_kind, actor_id, action, tenant_id, detail)
    select actor_kind, actor_id, kind || '.' || $3, tenant_id, $5::jsonb from ended)
  select ${unhurried('$6')} from ended`;

const claimText = `update bulkhead.operation o set owner_node = $1, lease_until = ${leaseEnd('$2')}
  where o.id in (select id from bulkhead.operation
    where state = 'running' and lease_until < statement_timestamp()
    order by started_at limit 20 for update skip locked)
  returning ${operationColumns}`;

const listText = `select ${operationColumns}, o.started_at::text as at from bulkhead.operation o
  where ($1::uuid is null or o.tenant_id = $1::uuid) and ($2::text is null or o.state = $2)
    and ($3::timestamptz is null or (o.started_at, o.id) < ($3::timestamptz, $4::uuid))
  order by o.started_at desc, o.id desc limit $5::int`;

const MAX_LIST = 1_000;

export interface OperationStoreOptions {
  readonly admin: AdminDatabase;
  readonly nodeId: string;
  readonly leaseMs: number;
}

export class SqlOperationStore implements OperationStore {
  readonly #admin: AdminDatabase;
  readonly #leaseS: number;
  /** One process, not one machine: after a restart the old owner of the same name is dead, and must look so. */
  readonly owner: string;
  /** The embedded database has nobody who would write an unhurried commit to disk afterwards. */
  readonly #commit: 'on' | 'off';

  constructor({ admin, nodeId, leaseMs }: OperationStoreOptions) {
    this.#admin = admin;
    this.#leaseS = leaseMs / 1000;
    this.#commit = admin.dialect === 'postgres' ? 'off' : 'on';
    this.owner = `${nodeId}/${randomBytes(6).toString('hex')}`;
  }

  async begin(input: Parameters<OperationStore['begin']>[0], actor: Actor): Promise<Operation> {
    const { tenant, kind } = input;
    const id = newUuid7();
    const note: AuditNote = { actor, action: `${kind}.started`, tenant, detail: { operation: id } };
    const values = [id, kind, toJournalJson(input.input), this.owner, this.#leaseS];
    const [row] = await refusing(writeAudited(this.#admin, note, { write: beginText, values }), {
      operation_running_key: () => new BulkheadError('operation_in_progress', { tenant }),
      operation_tenant_fkey: () => new BulkheadError('tenant_not_found', { tenant }),
    });
    return parseOperationRow(row);
  }

  async heartbeat(id: string): Promise<void> {
    const values = [id, this.owner, this.#leaseS, this.#commit];
    const { rows } = await this.#admin.query(heartbeatText, values);
    if (rows.length === 0) throw lost(id);
  }

  async recordStep(id: string, name: string, result: unknown): Promise<void> {
    const { rows } = await this.#admin.query(stepText, [
      id,
      this.owner,
      name,
      toJournalJson(result),
      this.#leaseS,
      this.#commit,
    ]);
    if (rows.length === 0) throw lost(id);
  }

  async recordProgress(id: string, progress: OperationProgress): Promise<'go_on' | 'cancel'> {
    const { rows } = await this.#admin.query<{ cancel: boolean }>(progressText, [
      id,
      this.owner,
      this.#leaseS,
      JSON.stringify(progress),
    ]);
    const [row] = rows;
    if (row === undefined) throw lost(id);
    return row.cancel ? 'cancel' : 'go_on';
  }

  async requestCancel(id: string): Promise<void> {
    const { rowCount } = await this.#admin.query(
      `update bulkhead.operation set cancel_requested = true where id = $1::uuid and state = 'running'`,
      [id],
    );
    if (rowCount === 0) throw new BulkheadError('not_found', { operation: id });
  }

  async end(id: string, outcome: Parameters<OperationStore['end']>[1]): Promise<void> {
    const { failure, state } = outcome;
    const { rows } = await this.#admin.query(endText, [
      id,
      this.owner,
      state,
      failure === undefined ? null : toJournalJson(failure),
      JSON.stringify(toAuditDetail({ operation: id, code: failure?.code, step: failure?.step })),
      this.#commit,
    ]);
    if (rows.length > 0) return;
    const operation = await this.read(id);
    if (operation === undefined) throw new BulkheadError('not_found', { operation: id });
    if (operation.state !== state) throw lost(id);
  }

  async read(id: string): Promise<Operation | undefined> {
    const { rows } = await this.#admin.query(
      `select ${operationColumns} from bulkhead.operation o where o.id = $1::uuid`,
      [id],
    );
    return rows[0] === undefined ? undefined : parseOperationRow(rows[0]);
  }

  async list(query: Parameters<OperationStore['list']>[0]): Promise<readonly Operation[]> {
    return (await this.page(query)).operations;
  }

  async page({ tenant, state, cursor, limit: asked }: OperationQuery): Promise<OperationPage> {
    const limit = Math.min(Math.max(1, Math.trunc(asked)), MAX_LIST);
    const after = cursor === undefined ? undefined : parsePosition(cursor);
    const values = [tenant ?? null, state ?? null, after?.at ?? null, after?.id ?? null, limit + 1];
    const { rows } = await this.#admin.query(listText, values);
    const page = rows.slice(0, limit);
    const last = rows.length > limit ? page.at(-1) : undefined;
    return {
      operations: page.map(parseOperationRow),
      nextCursor: last === undefined ? undefined : toPosition(last),
    };
  }

  async claimAbandoned(): Promise<readonly Operation[]> {
    const { rows } = await this.#admin.query(claimText, [this.owner, this.#leaseS]);
    return rows.map(parseOperationRow);
  }
}

/** The owner that was thought dead must stop: another node may be doing the same work now. */
function lost(operation: string): BulkheadError {
  return new BulkheadError('operation_in_progress', {
    operation,
    reason: 'it has ended, or another node has taken it over',
  });
}
