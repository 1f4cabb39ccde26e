import type { Compartment, Finding } from '../../core/compartment.ts';
import { held, leaked, untested, type Duel, type Outcome } from './attack-case.ts';
import { attackActor, type AttackedNode } from './node.ts';
import type { NegativeControl } from './report.ts';
import type { Tally } from './tally.ts';
import type { Tenant } from '../../core/tenant.ts';

/** Every compartment attacks itself; one that is added to the node is attacked with no edit here. */
export async function attackStores({ node, attacker, victim }: Duel, tally: Tally): Promise<void> {
  for (const compartment of node.compartments) {
    const at = { attacker: attacker.tenant.isolation, victim: victim.tenant.isolation };
    const findings = await probe(node, compartment, [attacker.tenant, victim.tenant]);
    for (const finding of findings)
      tally.add(
        {
          ...at,
          front: 'store',
          id: `${compartment.kind}/${finding.probe}`,
          attacks: [finding.attack],
          how: `probe of the ${compartment.kind} compartment`,
        },
        toOutcome(finding),
      );
  }
}

/** A store that cannot be attacked at all is a finding too, and no reason to leave out the others. */
async function probe(
  node: AttackedNode,
  compartment: Compartment,
  [attacker, victim]: readonly [Tenant, Tenant],
): Promise<readonly Finding[]> {
  try {
    return await compartment.probe({
      attacker: await node.scope(attacker.id, { actor: attackActor }),
      victim: await node.scope(victim.id, { actor: attackActor }),
      clock: node.clock,
    });
  } catch (cause) {
    return [
      {
        probe: 'probe',
        attack: 'control',
        result: 'untested',
        because: `it could not be run: ${String(cause)}`,
      },
    ];
  }
}

function toOutcome({ result, because }: Finding): Outcome {
  if (result === 'held') return held(1);
  return result === 'leaked' ? leaked(because) : untested(because);
}

/**
 * A tenant attacks itself: what it hunts for is its own, so it must be found. A compartment whose probes find nothing
 * then would find nothing of a neighbour either.
 */
export async function controlStores(node: AttackedNode, tenant: Tenant): Promise<readonly NegativeControl[]> {
  const controls: NegativeControl[] = [];
  for (const compartment of node.compartments) {
    const findings = await probe(node, compartment, [tenant, tenant]);
    const noticed = findings.filter(({ result }) => result === 'leaked').length;
    const broken = findings.find(({ result }) => result === 'untested');
    controls.push({
      store: compartment.kind,
      found: noticed > 0,
      noticed,
      probes: findings.length,
      because:
        noticed > 0
          ? 'a canary planted where the attacker may read it was found'
          : `a canary planted where the attacker may read it was not found, so that finding none elsewhere says nothing${broken === undefined ? '' : `: ${broken.because}`}`,
    });
  }
  return controls;
}
