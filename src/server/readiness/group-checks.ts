import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { monthAt } from '../../billing/month.ts';
import type { Bulkhead } from '../../bulkhead.ts';
import type { VerificationResult } from '../../verify/verification.ts';
import { notYet, toCheck, type ReadinessCheck, type ReadinessGroup } from './check.ts';
import type { KeyMetrics } from './key-metrics.ts';

export interface Looked {
  readonly node: Bulkhead;
  readonly verification: VerificationResult;
  readonly metrics: KeyMetrics;
}

type Look = (looked: Looked) => Promise<ReadinessCheck>;

/** Twelve checks in four groups, each looked at when it is asked for. */
const groups: Readonly<Record<ReadinessGroup, readonly Look[]>> = {
  security: [checkProofs, checkAttacks, checkSecrets],
  capacity: [checkPools, checkLimits, checkMigrations],
  cost: [checkPrices, checkAttribution, checkBudgets],
  performance: [checkOverhead, checkDirectory, checkEventLoop],
};

export async function checkGroups(
  looked: Looked,
): Promise<readonly { readonly group: ReadinessGroup; readonly checks: readonly ReadinessCheck[] }[]> {
  const done: { group: ReadinessGroup; checks: readonly ReadinessCheck[] }[] = [];
  for (const [group, looks] of Object.entries(groups) as [ReadinessGroup, readonly Look[]][]) {
    const checks: ReadinessCheck[] = [];
    for (const look of looks) checks.push(await look(looked));
    done.push({ group, checks });
  }
  return done;
}

async function checkProofs({ verification }: Looked): Promise<ReadinessCheck> {
  const { proofs } = verification;
  const broken = proofs.filter(({ result }) => result?.verdict !== 'held');
  return toCheck(
    { id: 'security.proof', name: 'Static proof of every database' },
    proofs.length > 0 && broken.length === 0,
    broken.length > 0
      ? broken.map(({ database }) => database).join(', ')
      : `${proofs.length} databases, ${proofs.reduce((sum, { result }) => sum + (result?.looked.relations ?? 0), 0)} relations`,
  );
}

async function checkAttacks({ verification }: Looked): Promise<ReadinessCheck> {
  const { verdict, executed, reasons } = verification;
  return toCheck(
    { id: 'security.attacks', name: 'Executed attacks between tenants' },
    verdict === 'held',
    verdict === 'held' ? `${executed} held` : (reasons[0] ?? verdict),
  );
}

/** Secrets in the data folder are their owner's alone. */
async function checkSecrets({ node }: Looked): Promise<ReadinessCheck> {
  const about = { id: 'security.secrets', name: 'Keys and tokens on disk are readable by their owner alone' };
  const open: string[] = [];
  for (const name of ['.', 'master-key', 'operator-token', 'evidence-key']) {
    const found = await stat(join(node.config.dataDir, name)).catch(() => undefined);
    if (found !== undefined && (found.mode & 0o077) !== 0) open.push(name);
  }
  return toCheck(
    about,
    open.length === 0,
    open.length === 0 ? 'nobody else may read them' : `open to others: ${open.join(', ')}`,
  );
}

async function checkPools({ node }: Looked): Promise<ReadinessCheck> {
  const stats = [...node.rows.stats()];
  const saturated = stats.filter(([, pool]) => pool.saturated);
  const busy = stats.reduce((sum, [, pool]) => sum + pool.busy, 0);
  const limit = stats.reduce((sum, [, pool]) => sum + pool.limit, 0);
  return toCheck(
    { id: 'capacity.connections', name: 'Connections are left in every pool' },
    stats.length > 0 && saturated.length === 0,
    saturated.length > 0
      ? `saturated: ${saturated.map(([name]) => name).join(', ')}`
      : `${busy} of ${limit} busy in ${stats.length} pools`,
  );
}

const fullAt = 80n;
const tenantsAsked = 50;

/** What compartments say of amounts and limits, over tenants that are there. */
async function checkLimits({ node }: Looked): Promise<ReadinessCheck> {
  const about = { id: 'capacity.limits', name: 'No tenant or container is close to a limit' };
  const { tenants } = await node.registry.tenants.list({ limit: tenantsAsked, state: 'active' });
  const full: string[] = [];
  let limits = 0;
  for (const tenant of tenants)
    for (const compartment of node.compartments) {
      const placement = tenant.placements.find(({ compartment: kind }) => kind === compartment.kind);
      if (placement === undefined) continue;
      for (const { resource, amount, limit } of await compartment.usage(placement)) {
        if (limit === undefined || limit === 0n) continue;
        limits += 1;
        if ((amount * 100n) / limit >= fullAt) full.push(`${tenant.slug} ${compartment.kind} ${resource}`);
      }
    }
  if (tenants.length === 0) return notYet(about, 'there is no tenant');
  if (limits === 0) return notYet(about, 'no compartment of these tenants has a limit');
  return toCheck(
    about,
    full.length === 0,
    full.length === 0 ? `${limits} limits, all under ${fullAt} %` : full.slice(0, 5).join('; '),
  );
}

async function checkMigrations({ node }: Looked): Promise<ReadinessCheck> {
  const { head, containers, unreachable } = await node.fleet.versions();
  const behind = containers.filter(({ missing, problem }) => missing > 0 || problem !== undefined);
  return toCheck(
    { id: 'capacity.containers', name: 'Every container answers and is up to date' },
    behind.length === 0 && unreachable.length === 0,
    `${containers.length} containers at ${head}, ${behind.length} behind, ${unreachable.length} unreachable`,
  );
}

async function checkPrices({ node }: Looked): Promise<ReadinessCheck> {
  const about = { id: 'cost.prices', name: 'What was used this month has a price' };
  const lines = await node.billing.lines(monthAt(node.clock.nowMs()));
  if (lines.length === 0) return notYet(about, 'nothing was metered this month');
  const unpriced = lines.filter(({ unpricedEvents }) => unpricedEvents > 0);
  return toCheck(
    about,
    unpriced.length === 0,
    unpriced.length === 0
      ? `${lines.length} lines, all priced`
      : `without a price: ${[...new Set(unpriced.map(({ meter, model }) => `${meter} ${model}`))].slice(0, 5).join('; ')}`,
  );
}

async function checkAttribution({ verification, metrics }: Looked): Promise<ReadinessCheck> {
  const metering = verification.attacks.find(({ id }) => id === 'registry/metering');
  const about = { id: 'cost.attribution', name: 'Use is charged to whoever caused it' };
  if (metering === undefined || metering.held + metering.leaked === 0)
    return notYet(about, 'metering was not attacked');
  return toCheck(
    about,
    metering.leaked === 0,
    `${metrics.tenantsWithCost} of ${metrics.tenants} tenants have cost this month`,
  );
}

async function checkBudgets(): Promise<ReadinessCheck> {
  return notYet({ id: 'cost.budgets', name: 'Budgets stop what would overrun them' }, 'there are no budgets');
}

const mostOverheadMs = 30;

async function checkOverhead({ metrics }: Looked): Promise<ReadinessCheck> {
  const about = {
    id: 'performance.overhead',
    name: `A scoped statement takes at most ${mostOverheadMs} ms on every isolation`,
  };
  const measured = Object.entries(metrics.overheadMs);
  if (measured.length === 0) return notYet(about, 'there is no tenant to measure with');
  return toCheck(
    about,
    measured.every(([, ms]) => ms <= mostOverheadMs),
    measured.map(([isolation, ms]) => `${isolation} ${ms} ms`).join(', '),
  );
}

const rounds = 200;

/** Warm, identifying a tenant and opening its scope must not cost a request anything that it would notice. */
async function checkDirectory({ node }: Looked): Promise<ReadinessCheck> {
  const about = { id: 'performance.scope', name: 'Opening a tenant’s scope takes at most 5 ms' };
  const { tenants } = await node.registry.tenants.list({ limit: 1, state: 'active' });
  const [tenant] = tenants;
  if (tenant === undefined) return notYet(about, 'there is no tenant to measure with');
  await node.scope(tenant.id);
  const startedMs = node.clock.monotonicMs();
  for (let round = 0; round < rounds; round += 1) await node.scope(tenant.id);
  const eachMs = (node.clock.monotonicMs() - startedMs) / rounds;
  return toCheck(about, eachMs <= 5, `${eachMs.toFixed(3)} ms`);
}

const mostDelayMs = 200;

async function checkEventLoop({ node }: Looked): Promise<ReadinessCheck> {
  let worstMs = 0;
  for (let round = 0; round < 10; round += 1) {
    const startedMs = node.clock.monotonicMs();
    await new Promise((resolve) => setImmediate(resolve));
    worstMs = Math.max(worstMs, node.clock.monotonicMs() - startedMs);
  }
  return toCheck(
    { id: 'performance.event-loop', name: `The process answers within ${mostDelayMs} ms` },
    worstMs <= mostDelayMs,
    `${worstMs.toFixed(1)} ms at worst`,
  );
}
