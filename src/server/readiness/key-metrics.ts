import type { Bulkhead } from '../../bulkhead.ts';
import { isolations, type Isolation } from '../../core/placement.ts';
import type { Tenant } from '../../core/tenant.ts';
import { monthAt } from '../../billing/month.ts';
import { listActive } from '../../evidence-facts.ts';

/** The figures that are asked for first. */
export interface KeyMetrics {
  readonly tenants: number;
  readonly tenantsByIsolation: Readonly<Record<Isolation, number>>;
  readonly containers: number;
  readonly largestContainerTenants: number;
  /** Tenants with any cost this month. */
  readonly tenantsWithCost: number;
  /** Median of one scoped statement; isolations without a tenant are absent. */
  readonly overheadMs: Readonly<Partial<Record<Isolation, number>>>;
}

const looks = 15;

export async function readKeyMetrics(node: Bulkhead): Promise<KeyMetrics> {
  const active = await listActive(node);
  const of = (isolation: Isolation): readonly Tenant[] =>
    active.filter((tenant) => tenant.isolation === isolation);
  const byContainer = new Map<string, Set<string>>();
  for (const { id, placements } of active)
    for (const { compartment, container } of placements) {
      const address = `${compartment} ${container}`;
      byContainer.set(address, (byContainer.get(address) ?? new Set()).add(id));
    }
  const overheadMs: Partial<Record<Isolation, number>> = {};
  for (const isolation of isolations) {
    const [first] = of(isolation);
    if (first !== undefined) overheadMs[isolation] = await measure(node, first);
  }
  return {
    tenants: active.length,
    tenantsByIsolation: Object.fromEntries(
      isolations.map((isolation) => [isolation, of(isolation).length]),
    ) as Record<Isolation, number>,
    containers: byContainer.size,
    largestContainerTenants: Math.max(0, ...[...byContainer.values()].map(({ size }) => size)),
    tenantsWithCost: await countWithCost(node),
    overheadMs,
  };
}

async function measure(node: Bulkhead, { id }: Tenant): Promise<number> {
  const times: number[] = [];
  await node.run(id, async () => {
    for (let look = -2; look < looks; look += 1) {
      const startedMs = node.clock.monotonicMs();
      await node.rows.current().sql`select 1`;
      if (look >= 0) times.push(node.clock.monotonicMs() - startedMs);
    }
  });
  const median = times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;
  return Math.round(median * 1_000) / 1_000;
}

async function countWithCost({ billing, clock }: Bulkhead): Promise<number> {
  const lines = await billing.lines(monthAt(clock.nowMs()));
  return new Set(lines.filter(({ costNanoUsd }) => costNanoUsd > 0n).map(({ tenant }) => tenant)).size;
}
