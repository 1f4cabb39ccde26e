import type { Bulkhead } from '../bulkhead.ts';
import { isBulkheadError } from '../core/errors.ts';

export interface Part {
  readonly ok: boolean;
  readonly reason?: string;
}

export interface Readiness {
  readonly status: 'ready' | 'not_ready';
  readonly parts: Readonly<Record<string, Part>>;
}

const checkTimeoutMs = 2_000;
/** Anyone may ask; the database is asked at most this often. */
const maxAgeMs = 1_000;

export interface Health {
  ready(): Promise<Readiness>;
}

/** A tenant's own broken database does not make the node unready: the others go on. */
export function createHealth(
  bulkhead: Pick<Bulkhead, 'registry' | 'rows' | 'cache' | 'limits' | 'clock'>,
  isDraining: () => boolean,
): Health {
  let asked: { readonly atMs: number; readonly answer: Promise<Part> } | undefined;
  const registry = (): Promise<Part> => {
    const nowMs = bulkhead.clock.monotonicMs();
    if (asked === undefined || nowMs - asked.atMs > maxAgeMs)
      asked = { atMs: nowMs, answer: readRegistry(bulkhead.registry) };
    return asked.answer;
  };
  return {
    async ready() {
      const parts: Record<string, Part> = {
        registry: await registry(),
        server: isDraining() ? { ok: false, reason: 'shutting down' } : { ok: true },
      };
      const ready = Object.values(parts).every(({ ok }) => ok);
      return {
        status: ready ? 'ready' : 'not_ready',
        parts: {
          ...parts,
          pools: toPoolPart(bulkhead.rows),
          cache: toCachePart(bulkhead.cache),
          limits: toLimitsPart(bulkhead.limits),
        },
      };
    },
  };
}

async function readRegistry({ tenants }: Pick<Bulkhead['registry'], 'tenants'>): Promise<Part> {
  const late = Promise.withResolvers<Part>();
  const timer = setTimeout(
    () => late.resolve({ ok: false, reason: 'does not answer in time' }),
    checkTimeoutMs,
  );
  try {
    return await Promise.race([tenants.list({ limit: 1 }).then((): Part => ({ ok: true })), late.promise]);
  } catch (error) {
    return { ok: false, reason: isBulkheadError(error) ? error.code : 'does not answer' };
  } finally {
    clearTimeout(timer);
  }
}

/** Saturation is shown but does not take the node out: the tenants of the other pools are served. */
function toPoolPart(rows: Bulkhead['rows']): Part {
  const saturated = [...rows.stats().values()].filter((pool) => pool.saturated).length;
  return saturated === 0 ? { ok: true } : { ok: false, reason: `${saturated} saturated` };
}

/** Without its cache a tenant is served all the same, only slower. */
function toCachePart(cache: Bulkhead['cache']): Part {
  const away = Object.entries(cache.stats().stores).filter(([, state]) => state === 'down');
  return away.length === 0
    ? { ok: true }
    : { ok: false, reason: `served without: ${away.map(([name]) => name).join(', ')}` };
}

/** Meanwhile tenants are refused or admitted to a share of their limits, as each has chosen. */
function toLimitsPart(limits: Bulkhead['limits']): Part {
  return limits?.isAway === true ? { ok: false, reason: 'not counted together' } : { ok: true };
}
