import type { Bulkhead } from '../../bulkhead.ts';
import type { Verify } from '../../create-verifier.ts';
import type { ReadinessCheck, ReadinessGroup } from './check.ts';
import { toChecklist } from './checklist.ts';
import { checkGroups } from './group-checks.ts';
import { readKeyMetrics, type KeyMetrics } from './key-metrics.ts';

export interface Readiness {
  /** No check failed; what does not exist yet is counted apart. */
  readonly ready: boolean;
  readonly groups: readonly { readonly group: ReadinessGroup; readonly checks: readonly ReadinessCheck[] }[];
  readonly checklist: readonly ReadinessCheck[];
  readonly counts: { readonly ok: number; readonly fail: number; readonly notYet: number };
  readonly metrics: KeyMetrics;
}

/** Attacks throw-away tenants, proves every database and measures, and says line by line what it found. */
export async function readReadiness(node: Bulkhead, verify: Verify): Promise<Readiness> {
  const metrics = await readKeyMetrics(node);
  const verification = await verify({
    sample: 0,
    isolations: ['shared', 'schema'],
    mutations: 'without',
    maxTables: 0,
    meanwhile: 'still',
  });
  const groups = await checkGroups({ node, verification, metrics });
  const checklist = toChecklist(verification);
  const all = [...groups.flatMap(({ checks }) => checks), ...checklist];
  const count = (state: ReadinessCheck['state']): number =>
    all.filter((check) => check.state === state).length;
  const counts = { ok: count('ok'), fail: count('fail'), notYet: count('not_yet') };
  return { ready: counts.fail === 0, groups, checklist, counts, metrics };
}
