import type { Bulkhead } from '../bulkhead.ts';
import { isolations } from '../core/placement.ts';
import type { AttackLog } from './attack-log.ts';
import type { PairRow } from './report.ts';
import { demoActor, type DemoTenant } from './tenants.ts';

/** Two tenants of each isolation where there are two, so that neighbours in one container are a pair as well. */
export function pairsAcross(tenants: readonly DemoTenant[]): readonly (readonly [DemoTenant, DemoTenant])[] {
  const chosen = isolations.flatMap((isolation) => {
    const [first, second] = tenants.filter(({ tenant }) => tenant.isolation === isolation);
    if (first === undefined) return [];
    return [{ attacker: first, victim: second ?? first }];
  });
  return chosen.flatMap(({ attacker }) =>
    chosen
      .map(({ victim }): readonly [DemoTenant, DemoTenant] => [attacker, victim])
      .filter(([a, b]) => a !== b),
  );
}

/** Every compartment attacks itself, from each isolation against each. */
export async function attackStores(
  node: Bulkhead,
  pairs: readonly (readonly [DemoTenant, DemoTenant])[],
  to: { readonly log: AttackLog; readonly tried: () => void },
): Promise<readonly PairRow[]> {
  const rows: PairRow[] = [];
  for (const [from, on] of pairs) {
    const count = { held: 0, leaked: 0, untested: 0 };
    for (const compartment of node.compartments) {
      // A scope's statements are numbered, and an attack needs many: each compartment gets fresh ones.
      const [attacker, victim] = await Promise.all([open(node, from), open(node, on)]);
      const findings = await compartment.probe({ attacker, victim, clock: node.clock });
      for (const { probe, result, because } of findings) {
        count[result] += 1;
        to.log.add('store', probe, result === 'held' ? { result } : { result, because });
      }
    }
    rows.push({ attacker: from.tenant.isolation, victim: on.tenant.isolation, ...count });
    to.tried();
  }
  return rows;
}

function open(node: Bulkhead, { tenant }: DemoTenant) {
  return node.scope(tenant.id, { actor: demoActor });
}
