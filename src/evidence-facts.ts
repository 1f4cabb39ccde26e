import type { Bulkhead } from './bulkhead.ts';
import { isolations, type Isolation } from './core/placement.ts';
import type { Tenant } from './core/tenant.ts';
import type { AccessFact, EvidenceFacts } from './verify/evidence/facts.ts';
import type { VerificationResult } from './verify/verification.ts';

const dayMs = 86_400_000;
const lookBackDays = 90;
/** Trails of so many tenants are read, and so many entries of each. */
const mostTenants = 200;
const mostEvents = 1_000;

/** What the report says beside the verification: how many share what, who did what, and who could. */
export async function gatherFacts(
  node: Bulkhead,
  { proofs }: VerificationResult,
  operatorRoutesWithData: readonly string[],
): Promise<EvidenceFacts> {
  const active = await listActive(node);
  const byIsolation = Object.fromEntries(
    isolations.map((isolation) => [
      isolation,
      active.filter((tenant) => tenant.isolation === isolation).length,
    ]),
  ) as Record<Isolation, number>;
  return {
    tenants: byIsolation,
    databases: proofs.map(({ database, tenants, privileged }) => ({ database, tenants, privileged })),
    access: await readAccess(node, active),
    engineers: { operatorRoutesWithData },
  };
}

export async function listActive({ registry }: Bulkhead): Promise<readonly Tenant[]> {
  const found: Tenant[] = [];
  let cursor: string | undefined;
  do {
    const page = await registry.tenants.list({
      limit: 200,
      state: 'active',
      ...(cursor === undefined ? {} : { cursor }),
    });
    found.push(...page.tenants);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return found;
}

async function readAccess({ registry, clock }: Bulkhead, active: readonly Tenant[]): Promise<AccessFact> {
  const from = new Date(clock.nowMs() - lookBackDays * dayMs);
  const read = active.slice(0, mostTenants);
  await registry.audit.flush();
  const counts = new Map<string, { actor: string; action: string; count: number }>();
  let crossTenantAttempts = 0;
  for (const { id } of read)
    for (const { actor, action } of await registry.audit.list({ tenant: id, from, limit: mostEvents })) {
      const key = `${actor.kind} ${action}`;
      const line = counts.get(key) ?? { actor: actor.kind, action, count: 0 };
      line.count += 1;
      counts.set(key, line);
      if (action.includes('cross')) crossTenantAttempts += 1;
    }
  const actions = [...counts.values()].toSorted((a, b) => b.count - a.count);
  return { since: from.toISOString(), tenants: read.length, actions, crossTenantAttempts };
}
