import { BulkheadError, type ErrorCode } from '../core/errors.ts';
import { newUuid7, type TenantId } from '../core/ids.ts';
import type { Actor } from '../core/scope.ts';
import { SqlError, type Row, type SqlResult } from '../drivers/sql.ts';
import { toAuditDetail } from './audit-detail.ts';

/** A database or a transaction in it. */
export interface Queryable {
  query<R extends Row = Row>(text: string, values?: readonly unknown[]): Promise<SqlResult<R>>;
}

/** Who did what to which tenant; stored in the transaction of the change, so that neither is without the other. */
export interface AuditNote {
  readonly actor: Actor;
  readonly action: string;
  readonly tenant: TenantId | undefined;
  readonly detail?: Readonly<Record<string, unknown>>;
}

/**
 * Runs one writing statement and its audit entry in one round trip. No entry where the statement changed nothing.
 * @param write ends in `returning …`; its own parameters start at `$6`
 */
export async function writeAudited(
  database: Queryable,
  note: AuditNote,
  { write, values }: { readonly write: string; readonly values: readonly unknown[] },
): Promise<readonly Row[]> {
  const { rows } = await database.query(
    `with changed as (${write}),
     noted as (insert into bulkhead.audit_event (id, actor_kind, actor_id, action, tenant_id, detail)
       select $${6 + values.length}::uuid, $1::text, $2::text, $3::text, $4::uuid, $5::jsonb from (select from changed limit 1) once)
     select * from changed`,
    [
      note.actor.kind,
      note.actor.id,
      note.action,
      note.tenant ?? null,
      JSON.stringify(toAuditDetail(note.detail ?? {})),
      ...values,
      // Orders what one process did within the resolution of the database's clock.
      newUuid7(),
    ],
  );
  return rows;
}

/** Turns the violation of a named constraint into our own error; everything else passes. */
export async function refusing<Result>(
  pending: Promise<Result>,
  constraints: Readonly<Record<string, () => BulkheadError>>,
): Promise<Result> {
  try {
    return await pending;
  } catch (cause) {
    const refusal = cause instanceof SqlError ? constraints[cause.constraint ?? ''] : undefined;
    if (refusal === undefined) throw cause;
    const error = refusal();
    throw new BulkheadError(error.code, error.detail, { cause });
  }
}

/** @throws `code` where nothing was changed */
export function assertRow(row: Row | undefined, code: ErrorCode, tenant: string): Row {
  if (row === undefined) throw new BulkheadError(code, { tenant });
  return row;
}
