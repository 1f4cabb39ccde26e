import { setTimeout } from 'node:timers/promises';
import { BulkheadError } from '../../../core/errors.ts';
import { SqlError } from '../../../drivers/sql.ts';
import type { MoveEnd } from './end.ts';

/** What the container does for the tenant; the columns of its row there. */
export interface GateState {
  readonly sealed: boolean;
  readonly writesPaused: boolean;
  readonly capturing: boolean;
}

/** Sets what is given and leaves the rest. Waits for the tenant's writers where writes are noted. */
export async function setGate(end: MoveEnd, state: Partial<GateState>): Promise<void> {
  await end.withAdmin((admin) =>
    admin.transaction(async (tx) => {
      await tx.query(
        `update bulkhead_wall.tenant set sealed = coalesce($3, sealed), writes_paused = coalesce($4, writes_paused),
           capturing = coalesce($5, capturing) where tenant_id = $1 and schema_name = $2`,
        [end.tenant, end.schema, state.sealed ?? null, state.writesPaused ?? null, state.capturing ?? null],
      );
      if (state.sealed === true)
        await tx.query('delete from bulkhead_wall.capability where tenant_id = $1 and schema_name = $2', [
          end.tenant,
          end.schema,
        ]);
      if (state.writesPaused === false) await tx.query(endPauseText, [end.tenant, end.schema]);
    }),
  );
}

const endPauseText = 'delete from bulkhead_wall.move_pause where tenant_id = $1 and schema_name = $2';

/** How long writers under way may take to end; then writes go on, and the pause is tried again later. */
const drainMs = 400;
const attempts = 40;

/**
 * From here on no write is accepted, and every one that was is noted and visible.
 * @throws operation_in_progress where a transaction of the tenant will not end
 */
export async function pauseWrites(end: MoveEnd): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    if (await tryPause(end)) return;
    if (attempt === attempts)
      throw new BulkheadError('operation_in_progress', {
        tenant: end.tenant,
        reason: 'a transaction of the tenant has been writing for too long',
        hint: 'end it, then move again',
      });
    await setTimeout(Math.min(2_000, 100 * attempt));
  }
}

async function tryPause(end: MoveEnd): Promise<boolean> {
  return await end.withAdmin(async (admin) => {
    await admin.query(
      `insert into bulkhead_wall.move_pause (tenant_id, schema_name)
         select tenant_id, schema_name from bulkhead_wall.tenant where tenant_id = $1 and schema_name = $2
         on conflict do nothing`,
      [end.tenant, end.schema],
    );
    try {
      await admin.transaction(async (tx) => {
        await tx.query(`select set_config('lock_timeout', $1, true)`, [`${drainMs}ms`]);
        await tx.query(
          'update bulkhead_wall.tenant set writes_paused = true where tenant_id = $1 and schema_name = $2',
          [end.tenant, end.schema],
        );
      });
      return true;
    } catch (cause) {
      await admin.query(endPauseText, [end.tenant, end.schema]);
      if (cause instanceof SqlError && cause.sqlState === '55P03') return false;
      throw cause;
    }
  });
}

/** @throws compartment_unreachable where the container does not know the tenant */
export async function readGate(end: MoveEnd): Promise<GateState> {
  const { rows } = await end.withAdmin((admin) =>
    admin.query<{ sealed: boolean; paused: boolean; capturing: boolean }>(
      `select sealed, writes_paused as paused, capturing from bulkhead_wall.tenant
         where tenant_id = $1 and schema_name = $2`,
      [end.tenant, end.schema],
    ),
  );
  const [row] = rows;
  if (row === undefined)
    throw new BulkheadError('compartment_unreachable', {
      tenant: end.tenant,
      reason: 'the tenant does not live in this container',
    });
  return { sealed: row.sealed, writesPaused: row.paused, capturing: row.capturing };
}
