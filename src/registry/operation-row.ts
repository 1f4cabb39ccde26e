import { z } from 'zod';
import { errorTable, type ErrorCode } from '../core/errors.ts';
import { operationKinds, operationStates, type Operation } from './operation.ts';
import { instant, nullable, parseRow, tenantId } from './row-parts.ts';

const operationShape = z.object({
  id: z.uuid(),
  tenant: tenantId,
  kind: z.enum(operationKinds),
  state: z.enum(operationStates),
  input: z.record(z.string(), z.json()),
  actor: z.strictObject({ kind: z.enum(['key', 'user', 'operator', 'system']), id: z.string() }),
  steps: z.array(z.strictObject({ name: z.string(), result: z.json(), at: instant })),
  failure: nullable(
    z.strictObject({
      code: z.string().refine((code): code is ErrorCode => Object.hasOwn(errorTable, code)),
      step: z.string(),
      reason: z.string(),
    }),
  ),
  progress: nullable(z.strictObject({ done: z.number(), total: z.number() })),
  cancelRequested: z.boolean(),
  startedAt: instant,
  endedAt: nullable(instant),
});

/** Select list over `operation o`. */
export const operationColumns = `o.id::text as id, o.tenant_id::text as tenant, o.kind, o.state, o.input, o.failure,
  o.progress, o.cancel_requested as "cancelRequested",
  jsonb_build_object('kind', o.actor_kind, 'id', o.actor_id) as actor,
  o.started_at as "startedAt", o.ended_at as "endedAt",
  coalesce((select jsonb_agg(jsonb_build_object('name', s.name, 'result', s.result, 'at', s.at) order by s.position)
    from bulkhead.operation_step s where s.operation_id = o.id), '[]'::jsonb) as steps`;

/** @throws internal where a stored field is of an unknown type */
export function parseOperationRow(row: unknown): Operation {
  return parseRow('operation', operationShape, row);
}

/** Counts of receipts are bigints, which JSON has not: they are kept as decimal text. */
export function toJournalJson(value: unknown): string {
  return JSON.stringify(value ?? null, (_key, part: unknown) =>
    typeof part === 'bigint' ? part.toString() : part,
  );
}
