import { z } from 'zod';
import { BulkheadError } from '../../core/errors.ts';
import { parseRowId, type RowId, type TenantId } from '../../core/ids.ts';
import type { Actor } from '../../core/scope.ts';
import type { AdminDatabase } from '../../drivers/sql.ts';
import { instant, integer, nullable, parseRow, tenantId } from '../../registry/row-parts.ts';
import { writeAudited } from '../../registry/write.ts';

const maxEventBytes = 8_192;
/** Of one tenant. A sender that only sends rubbish is refused before it fills the disk. */
const maxOfTenant = 10_000;

export interface QuarantinedEvent {
  readonly id: RowId;
  readonly tenant: TenantId | undefined;
  readonly reason: string;
  /** As it was sent. */
  readonly event: unknown;
}

export interface ListedQuarantine extends QuarantinedEvent {
  /** How often it was sent. */
  readonly times: number;
  readonly at: Date;
}

const shape: z.ZodType<ListedQuarantine> = z.object({
  id: z.string().transform((text) => text as RowId),
  tenant: nullable(tenantId),
  reason: z.string(),
  event: z.unknown(),
  times: integer,
  at: instant,
});

const countText = `select count(*)::int as count from (select 1 from bulkhead.usage_quarantine
  where tenant_id is not distinct from $1::uuid limit ${maxOfTenant}) once`;
const putText = `insert into bulkhead.usage_quarantine as q (id, tenant_id, reason, event)
  select distinct on (id) id, tenant_id, reason, event
  from unnest($1::uuid[], $2::uuid[], $3::text[], $4::jsonb[]) u (id, tenant_id, reason, event) order by id
  on conflict (id) do update set times = q.times + 1`;
const columns = 'id::text, tenant_id::text as tenant, reason, event, times, at';
const listText = `select ${columns} from bulkhead.usage_quarantine
  where $1::uuid is null or id < $1 order by id desc limit $2::int`;
const readText = `select ${columns} from bulkhead.usage_quarantine where id = $1`;
const removeText = 'delete from bulkhead.usage_quarantine where id = $6 returning 1 as done';

/** Events that could not be counted, until somebody has looked at them. */
export class Quarantine {
  readonly #admin: AdminDatabase;

  constructor(admin: AdminDatabase) {
    this.#admin = admin;
  }

  /** @throws request_invalid where a tenant has too many there already */
  async put(events: readonly QuarantinedEvent[]): Promise<void> {
    if (events.length === 0) return;
    for (const tenant of new Set(events.map((each) => each.tenant))) {
      const { rows } = await this.#admin.query<{ count: number }>(countText, [tenant ?? null]);
      if ((rows[0]?.count ?? 0) >= maxOfTenant)
        throw new BulkheadError('request_invalid', {
          reason: 'too many events that cannot be counted are waiting already; look at them first',
        });
    }
    await this.#admin.query(putText, [
      events.map(({ id }) => id),
      events.map(({ tenant }) => tenant ?? null),
      events.map(({ reason }) => reason),
      events.map(({ event }) => toKept(event)),
    ]);
  }

  /** The latest first. @param before the id that the page before ended with */
  async list(limit: number, before?: string): Promise<readonly ListedQuarantine[]> {
    const { rows } = await this.#admin.query(listText, [parseRowId(before) ?? null, limit]);
    return rows.map((row) => parseRow('usage_quarantine', shape, row));
  }

  /** @throws not_found */
  async read(id: string): Promise<ListedQuarantine> {
    const row = parseRowId(id);
    const { rows } = row === undefined ? { rows: [] } : await this.#admin.query(readText, [row]);
    if (rows[0] === undefined) throw new BulkheadError('not_found');
    return parseRow('usage_quarantine', shape, rows[0]);
  }

  /** @throws not_found */
  async remove(id: string, action: 'released' | 'discarded', actor: Actor): Promise<void> {
    const row = parseRowId(id);
    if (row === undefined) throw new BulkheadError('not_found');
    const note = { actor, action: `usage.${action}`, tenant: undefined, detail: { event: row } };
    const removed = await writeAudited(this.#admin, note, { write: removeText, values: [row] });
    if (removed.length === 0) throw new BulkheadError('not_found');
  }
}

/** What is too large, or cannot be stored as JSON, is kept by its beginning: enough to find who sent it. */
function toKept(event: unknown): string {
  const text = (JSON.stringify(event) ?? 'null').replaceAll('\\u0000', '');
  if (text.isWellFormed() && Buffer.byteLength(text) <= maxEventBytes) return text;
  return JSON.stringify({ truncated: text.toWellFormed().slice(0, maxEventBytes / 4) });
}
