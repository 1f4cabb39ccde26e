import type { TenantId } from '../../../core/ids.ts';
import type { AdminDatabase, AdminTransaction } from '../../../drivers/sql.ts';
import { digestOf, newToken } from '../capabilities.ts';
import type { RowsContainer } from '../container.ts';
import { containerPath } from '../migrations/names.ts';

/** One end of a move: a tenant in a container, and the owner's way into its database. */
export interface MoveEnd {
  readonly tenant: TenantId;
  readonly container: RowsContainer;
  readonly schema: string;
  /** What the container's tenants work as. */
  readonly role: string;
  /** Holds a connection only as long as `body` runs: two moves that each held one and waited for another would wait for ever. */
  withAdmin<T>(body: (admin: AdminDatabase) => Promise<T>): Promise<T>;
}

/** How a value is written as text must be the same at both ends, whatever their databases are set to. */
const sameText = `set_config('timezone', 'UTC', true), set_config('datestyle', 'ISO, YMD', true),
  set_config('intervalstyle', 'postgres', true), set_config('extra_float_digits', '1', true),
  set_config('bytea_output', 'hex', true), set_config('xmloption', 'content', true)`;

/** A cursor is planned for its first tenth, unless it is said that all of it will be read. */
const wholeCursors = `set_config('cursor_tuple_fraction', '1', true)`;

/** As whom a transaction of the mover runs. */
export interface MoverWork<T> {
  /**
   * `reader` and `writer` take the container's own role. `owner` writes too, with statements that reach two schemas,
   * which no role of a tenant may.
   */
  readonly as: 'reader' | 'writer' | 'owner';
  /** All statements see the tables as they were at the first one. */
  readonly snapshot?: 'one';
  /** `later`: nothing is lost where a later commit of the same server is waited for and, failing that, all is done anew. */
  readonly flush?: 'later';
  /** @param order `any`: neither triggers nor foreign keys look at what is written */
  body(tx: AdminTransaction, order: 'any' | 'by_reference'): Promise<T>;
}

/**
 * One transaction over one tenant's rows, under the wall: with a capability of that tenant and container, gone at the end.
 *
 * Writers replay what the source has checked already, in no order: so, as logical replication does, they do without
 * triggers and foreign keys where the owner may (`session_replication_role`). Elsewhere rows go in and out in the order of
 * their references.
 */
export async function asMover<T>(
  admin: AdminDatabase,
  end: Pick<MoveEnd, 'tenant' | 'schema' | 'role'>,
  work: MoverWork<T>,
): Promise<T> {
  const token = newToken();
  const digest = digestOf(token).toString('hex');
  const replica = work.as === 'reader' ? 'null' : replicaText;
  const flush = work.flush === undefined ? '' : `, set_config('synchronous_commit', 'off', true)`;
  return await admin.transaction(async (tx) => {
    if (work.snapshot === 'one') await tx.query('set transaction isolation level repeatable read');
    const { rows } = await tx.query<{ replica: string | null }>(
      `with issued as (
         insert into bulkhead_wall.capability (digest, tenant_id, schema_name, expires_at)
           values (decode($1, 'hex'), $2::uuid, $3, statement_timestamp() + interval '1 day'))
       select set_config('bulkhead.capability', $4, true), set_config('search_path', $5, true),
         set_config('lock_timeout', '5s', true), ${sameText}, ${wholeCursors}${flush}, ${replica} as replica`,
      [digest, end.tenant, end.schema, token, containerPath(end.schema)],
    );
    if (work.as !== 'owner') await tx.query(`select set_config('role', $1, true)`, [end.role]);
    const result = await work.body(tx, rows[0]?.replica === 'replica' ? 'any' : 'by_reference');
    if (work.as !== 'owner') await tx.query('reset role');
    await tx.query(`delete from bulkhead_wall.capability where digest = decode($1, 'hex')`, [digest]);
    return result;
  });
}

const replicaText = `case when has_parameter_privilege(current_user, 'session_replication_role', 'set')
  then set_config('session_replication_role', 'replica', true) end`;
