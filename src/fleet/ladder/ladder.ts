import type { TenantId } from '../../core/ids.ts';
import { parseIsolation, type Placement } from '../../core/placement.ts';
import type { AdminDatabase } from '../../drivers/sql.ts';
import { toTenantId } from '../store/inventory.ts';
import { assess, isFew, ladder, type Advice, type Rung } from './assess.ts';

/** What the ladder is given of the compartment of vectors. */
export interface VectorStore {
  stats(placement: Placement): Promise<{
    readonly vectors: number;
    readonly containerVectors: number;
    readonly rung: Rung;
    readonly isIndexed: boolean;
    readonly efSearch: number | undefined;
  }>;
  buildIndex(placement: Placement): Promise<void>;
  dropIndex(placement: Placement): Promise<void>;
  sampleRecall(
    placement: Placement,
    wanted: number,
  ): Promise<{ readonly recall: number; readonly efSearch: number }>;
  sampleWords(placement: Placement): Promise<void>;
  latencies(placement: Placement): readonly number[];
  /** Tenants that were written to on this node since the last call. */
  touched(): readonly Placement[];
}

export interface LadderDeps {
  readonly control: AdminDatabase;
  readonly vectors: VectorStore;
  /** Moves the vectors of one tenant, and nothing else of it, to a container of its own or back; its source is erased. */
  readonly move: (tenant: TenantId, isolation: 'schema' | 'shared') => Promise<void>;
  /** Whether the tenant's plan has the isolation. */
  readonly mayOwn: (tenant: TenantId) => Promise<boolean>;
  readonly log: (event: Readonly<Record<string, unknown>>) => void;
}

/** One tenant on the ladder. */
export interface LadderEntry {
  readonly tenant: TenantId;
  readonly container: string;
  readonly vectors: number;
  readonly rung: Rung;
  readonly isIndexed: boolean;
  readonly efSearch: number | undefined;
  readonly recall: number | undefined;
  readonly p95Ms: number | undefined;
  readonly advice: Advice;
}

export interface Ladder {
  /** What would be done, without doing it. @param only one tenant; default all that are active */
  plan(only?: TenantId): Promise<readonly LadderEntry[]>;
  /** Does it for one tenant, once. @returns what was advised and, where another node is at it, is left to that */
  climb(tenant: TenantId): Promise<LadderEntry | undefined>;
  /** A look at the tenants that were written to on this node, and at some of those nobody has looked at for long. */
  tick(): Promise<void>;
}

/** Mean share of the true ten nearest that a search by index must find. */
const wantedRecall = 0.95;
const atATick = 20;

export function createLadder(deps: LadderDeps): Ladder {
  const climb = async (placement: Placement): Promise<LadderEntry> => {
    const entry = await look(deps, placement);
    const { step } = entry.advice;
    if (!(await claim(deps.control, placement.tenant))) return entry;
    try {
      if (step !== 'stay') {
        await take(deps, placement, step);
        deps.log({ event: 'vectors.rung_changed', tenant: placement.tenant, step });
      }
      await deps.vectors.sampleWords(await placementOf(deps.control, placement));
      return { ...entry, ...(await settle(deps, placement)) };
    } finally {
      await deps.control.query('update bulkhead.vector_standing set busy_until = null where tenant_id = $1', [
        placement.tenant,
      ]);
    }
  };

  return {
    async plan(only) {
      const entries: LadderEntry[] = [];
      for (const placement of await readPlacements(deps.control, { only, limit: 10_000 }))
        entries.push(await look(deps, placement));
      return entries;
    },
    async climb(tenant) {
      const [placement] = await readPlacements(deps.control, { only: tenant, limit: 1 });
      return placement === undefined ? undefined : await climb(placement);
    },
    async tick() {
      const touched = deps.vectors.touched();
      const waiting = await readPlacements(deps.control, { only: undefined, limit: atATick });
      const due = new Map([...touched, ...waiting].map((placement) => [placement.tenant, placement]));
      for (const { tenant } of due.values()) {
        const [now] = await readPlacements(deps.control, { only: tenant, limit: 1 });
        if (now === undefined) continue;
        // One tenant's trouble is not the next one's.
        await climb(now).catch((cause: unknown) =>
          deps.log({ event: 'vectors.ladder_failed', tenant, cause: String(cause) }),
        );
      }
    },
  };
}

async function look(deps: LadderDeps, placement: Placement): Promise<LadderEntry> {
  const stats = await deps.vectors.stats(placement);
  const latencies = deps.vectors.latencies(placement);
  const p95Ms = percentile(latencies, 0.95);
  const isSlow = !stats.isIndexed && p95Ms !== undefined && latencies.length >= 20 && p95Ms > ladder.slowMs;
  const since = await note(deps.control, placement.tenant, { ...stats, isSlow, isFew: isFew(stats) });
  const mayOwn = await deps.mayOwn(placement.tenant);
  return {
    tenant: placement.tenant,
    container: placement.container,
    vectors: stats.vectors,
    rung: stats.rung,
    isIndexed: stats.isIndexed,
    efSearch: stats.efSearch,
    recall: since.recall,
    p95Ms,
    advice: assess({ ...stats, ...since, mayOwn }),
  };
}

async function take(
  deps: LadderDeps,
  placement: Placement,
  step: Exclude<Advice['step'], 'stay'>,
): Promise<void> {
  switch (step) {
    case 'build_index':
      return await deps.vectors.buildIndex(placement);
    case 'drop_index':
      return await deps.vectors.dropIndex(placement);
    case 'own_container':
      return await deps.move(placement.tenant, 'schema');
    case 'share_container':
      return await deps.move(placement.tenant, 'shared');
  }
}

/** What came of it: recall is measured, and what an index search looks at raised until it is good enough. */
async function settle(deps: LadderDeps, before: Placement): Promise<Partial<LadderEntry>> {
  const placement = await placementOf(deps.control, before);
  const stats = await deps.vectors.stats(placement);
  const sample = stats.isIndexed ? await deps.vectors.sampleRecall(placement, wantedRecall) : undefined;
  await deps.control.query(
    `update bulkhead.vector_standing set vectors = $2, rung = $3, recall = $4, ef_search = $5, looked_at = statement_timestamp()
      where tenant_id = $1`,
    [placement.tenant, stats.vectors, stats.rung, sample?.recall ?? 1, sample?.efSearch ?? null],
  );
  return {
    container: placement.container,
    rung: stats.rung,
    isIndexed: stats.isIndexed,
    recall: sample?.recall ?? 1,
    efSearch: sample?.efSearch,
  };
}

async function placementOf(control: AdminDatabase, before: Placement): Promise<Placement> {
  const [now] = await readPlacements(control, { only: before.tenant, limit: 1 });
  return now ?? before;
}

/** Long enough for a large index; a node that died is waited for no longer. */
const claimText = `update bulkhead.vector_standing set busy_until = statement_timestamp() + interval '15 minutes'
  where tenant_id = $1 and (busy_until is null or busy_until < statement_timestamp()) returning tenant_id`;

async function claim(control: AdminDatabase, tenant: TenantId): Promise<boolean> {
  const { rows } = await control.query(claimText, [tenant]);
  return rows.length > 0;
}

const noteText = `
  insert into bulkhead.vector_standing as s (tenant_id, vectors, rung, slow_since, small_since)
    values ($1, $2, $3, case when $4 then statement_timestamp() end, case when $5 then statement_timestamp() end)
  on conflict (tenant_id) do update set vectors = excluded.vectors, rung = excluded.rung,
    slow_since = case when $4 then coalesce(s.slow_since, statement_timestamp()) end,
    small_since = case when $5 then coalesce(s.small_since, statement_timestamp()) end
  returning recall,
    coalesce(extract(epoch from statement_timestamp() - slow_since) * 1000, 0)::float8 as "slowForMs",
    coalesce(extract(epoch from statement_timestamp() - small_since) * 1000, 0)::float8 as "smallForMs"`;

async function note(
  control: AdminDatabase,
  tenant: TenantId,
  now: { readonly vectors: number; readonly rung: Rung; readonly isSlow: boolean; readonly isFew: boolean },
): Promise<{ readonly recall: number | undefined; readonly slowForMs: number; readonly smallForMs: number }> {
  const { rows } = await control.query<{ recall: number | null; slowForMs: number; smallForMs: number }>(
    noteText,
    [tenant, now.vectors, now.rung, now.isSlow, now.isFew],
  );
  const [row] = rows;
  return {
    recall: row?.recall ?? undefined,
    slowForMs: row?.slowForMs ?? 0,
    smallForMs: row?.smallForMs ?? 0,
  };
}

/** Those nobody has looked at for longest come first. Tenants at rest are left at rest. */
const placementsText = `
  select p.tenant_id::text as tenant, p.container, p.isolation
  from bulkhead.placement p
  join bulkhead.tenant t on t.id = p.tenant_id and t.state = 'active'
  left join bulkhead.vector_standing s on s.tenant_id = p.tenant_id
  where p.compartment = 'vectors' and ($1::uuid is null or p.tenant_id = $1::uuid)
  order by s.looked_at nulls first, p.tenant_id limit $2`;

async function readPlacements(
  control: AdminDatabase,
  { only, limit }: { readonly only: TenantId | undefined; readonly limit: number },
): Promise<readonly Placement[]> {
  const { rows } = await control.query<{ tenant: string; container: string; isolation: string }>(
    placementsText,
    [only ?? null, limit],
  );
  return rows.map(({ tenant, container, isolation }) => ({
    tenant: toTenantId(tenant),
    compartment: 'vectors',
    isolation: parseIsolation(isolation) ?? 'shared',
    container,
  }));
}

function percentile(values: readonly number[], share: number): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}
