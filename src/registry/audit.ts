import { z } from 'zod';
import type { Clock } from '../core/clock.ts';
import { BulkheadError } from '../core/errors.ts';
import { newUuid7, parseRequestId } from '../core/ids.ts';
import type { AdminDatabase } from '../drivers/sql.ts';
import { answerOf } from './answer.ts';
import { toAuditDetail } from './audit-detail.ts';
import type { RegistryLog } from './log.ts';
import type { AuditEvent, AuditTrail } from './registry.ts';
import { instant, nullable, parseRow, tenantId } from './row-parts.ts';

const FLUSH_MS = 200;
const RETRY_MS = 1_000;
const WRITE_TIMEOUT_MS = 10_000;
const BATCH_SIZE = 500;
const MAX_QUEUED = 10_000;
const GATHER_MS = 10_000;
const MAX_LIST = 10_000;

interface Queued {
  readonly id: string;
  readonly recordedMs: number;
  readonly event: Omit<AuditEvent, 'at'>;
}

/** Like events that are still becoming one. */
interface Gathered {
  readonly firstMs: number;
  readonly event: Omit<AuditEvent, 'at'>;
  readonly repeated: number;
  readonly lastMs: number;
}

// The database's clock less the time in the queue: a node whose clock is wrong still writes true times.
const writeText = `insert into bulkhead.audit_event
    (id, at, tenant_id, actor_kind, actor_id, action, severity, request_id, detail)
  select (e->>'id')::uuid, statement_timestamp() - make_interval(secs => (e->>'ageS')::float8),
    (e->>'tenant')::uuid, e->>'actorKind', e->>'actorId', e->>'action', e->>'severity', e->>'requestId', e->'detail'
  from jsonb_array_elements($1::jsonb) e
  on conflict (id) do nothing`;

const listText = `select at, tenant_id::text as tenant, jsonb_build_object('kind', actor_kind, 'id', actor_id) as actor,
    action, severity, request_id as "requestId", detail
  from bulkhead.audit_event
  where tenant_id = $1::uuid and ($2::timestamptz is null or at >= $2) and ($3::timestamptz is null or at < $3)
  order by at desc, id desc limit $4::int`;

const eventShape = z.object({
  at: instant,
  tenant: nullable(tenantId),
  actor: z.strictObject({ kind: z.enum(['key', 'user', 'operator', 'system']), id: z.string() }),
  action: z.string(),
  severity: z.enum(['info', 'high', 'critical']),
  requestId: z.string().nullable().transform(parseRequestId),
  detail: z.record(z.string(), z.json()),
});

export interface AuditTrailOptions {
  readonly admin: AdminDatabase;
  readonly clock: Clock;
  readonly log: RegistryLog;
}

/**
 * Events wait in memory for at most a batch interval. Back-pressure: with 10,000 waiting, `record` throws. That many
 * wait only where the database does not answer, and what cannot be audited is refused.
 */
export class QueuedAuditTrail implements AuditTrail {
  readonly #options: AuditTrailOptions;
  readonly #queue: Queued[] = [];
  readonly #gathering = new Map<string, Gathered>();
  #gatherTimer: NodeJS.Timeout | undefined;
  #timer: NodeJS.Timeout | undefined;
  #failing = false;
  #writing: Promise<void> | undefined;

  constructor(options: AuditTrailOptions) {
    this.#options = options;
  }

  record(event: Omit<AuditEvent, 'at'>): void {
    this.#assertRoom();
    this.#enqueue(event, this.#options.clock.monotonicMs());
  }

  recordRepeated(name: string, event: Omit<AuditEvent, 'at'>): void {
    const known = this.#gathering.get(name);
    if (known === undefined) this.#assertRoom();
    const nowMs = this.#options.clock.monotonicMs();
    const { firstMs, repeated } = known ?? { firstMs: nowMs, repeated: 0 };
    this.#gathering.set(name, { firstMs, event, repeated: repeated + 1, lastMs: nowMs });
    this.#gatherTimer ??= setTimeout(() => this.#endGathering(), GATHER_MS).unref();
  }

  #assertRoom(): void {
    if (this.#queue.length + this.#gathering.size >= MAX_QUEUED)
      throw new BulkheadError('registry_stale', { reason: 'the audit trail cannot be written' });
  }

  #endGathering(): void {
    clearTimeout(this.#gatherTimer);
    this.#gatherTimer = undefined;
    for (const { event, firstMs, lastMs, repeated } of this.#gathering.values()) {
      const lastedMs = Math.round(lastMs - firstMs);
      this.#enqueue({ ...event, detail: { ...event.detail, repeated, lastedMs } }, firstMs);
    }
    this.#gathering.clear();
  }

  #enqueue(event: Omit<AuditEvent, 'at'>, recordedMs: number): void {
    this.#queue.push({ id: newUuid7(), recordedMs, event });
    // During an outage the retry sets the pace, not the events.
    if (!this.#failing) this.#writeSoon(this.#queue.length >= BATCH_SIZE ? 0 : FLUSH_MS);
  }

  /** @throws registry_stale where the database does not take them; the events are kept and tried again */
  async flush(): Promise<void> {
    this.#endGathering();
    await this.#drain();
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0 || this.#writing !== undefined) {
      this.#writing ??= this.#writeBatch().finally(() => {
        this.#writing = undefined;
      });
      await this.#writing;
    }
  }

  async list(query: Parameters<AuditTrail['list']>[0]): Promise<readonly AuditEvent[]> {
    const limit = Math.min(Math.max(1, Math.trunc(query.limit)), MAX_LIST);
    const values = [query.tenant, query.from ?? null, query.to ?? null, limit];
    const { rows } = await this.#options.admin.query(listText, values);
    return rows.map((row) => parseRow('audit_event', eventShape, row));
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.flush();
  }

  #writeSoon(afterMs: number): void {
    if (this.#timer !== undefined && afterMs > 0) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#flushOrRetry();
    }, afterMs);
    this.#timer.unref();
  }

  async #flushOrRetry(): Promise<void> {
    try {
      await this.#drain();
      this.#failing = false;
    } catch (cause) {
      this.#failing = true;
      this.#options.log({ event: 'registry.audit_failed', cause });
      this.#writeSoon(RETRY_MS);
    }
  }

  async #writeBatch(): Promise<void> {
    const { admin, clock } = this.#options;
    const batch = this.#queue.slice(0, BATCH_SIZE);
    const nowMs = clock.monotonicMs();
    const stored = JSON.stringify(batch.map((queued) => toStored(queued, nowMs)));
    await answerOf(admin.query(writeText, [stored]), WRITE_TIMEOUT_MS);
    // Removed when stored, not before: a batch that failed is sent again, and its ids make that harmless.
    this.#queue.splice(0, batch.length);
  }
}

function toStored({ id, recordedMs, event }: Queued, nowMs: number): unknown {
  return {
    id,
    ageS: Math.max(0, nowMs - recordedMs) / 1000,
    tenant: event.tenant,
    actorKind: event.actor.kind,
    actorId: event.actor.id,
    action: event.action,
    severity: event.severity,
    requestId: event.requestId,
    detail: toAuditDetail(event.detail),
  };
}
