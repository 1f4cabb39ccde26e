import type { AttackLine } from './attack/report.ts';
import type { ContainerProof } from './proof/container-proof.ts';

interface Known {
  readonly id: string;
  readonly title: string;
  /** Where nothing of ours is about it: why. */
  readonly absent?: string;
}

/** Ways across that apply to rows, scope, pool, HTTP and registry. Numbers are of the catalogue that docs/reference/proof.md prints. */
export const catalogue: readonly Known[] = [
  { id: 'A1', title: 'role with superuser or BYPASSRLS' },
  { id: 'A2', title: 'owner steps over row-level security' },
  { id: 'A3', title: 'membership in a role that steps over it' },
  { id: 'A4', title: 'a table without row-level security' },
  { id: 'A5', title: 'a policy that lets everything pass' },
  { id: 'A6', title: 'an escape hatch in a policy or setting' },
  { id: 'A7', title: 'writing or moving rows to another tenant' },
  { id: 'A8', title: 'a view that runs as its owner' },
  { id: 'A9', title: 'materialized view or foreign table' },
  { id: 'A10', title: 'SECURITY DEFINER function' },
  { id: 'A11', title: 'search path of a definer function' },
  { id: 'A12', title: 'partition or child reached directly' },
  { id: 'A13', title: 'rows without a tenant' },
  { id: 'A14', title: 'context folded into a kept plan' },
  { id: 'A15', title: 'plan kept across roles' },
  { id: 'A16', title: 'mix-up of role and session' },
  { id: 'A17', title: 'planner statistics' },
  { id: 'A18', title: 'LEAKPROOF function of a user' },
  { id: 'A19', title: 'error message as oracle' },
  { id: 'A20', title: 'unique key as oracle' },
  { id: 'A21', title: 'foreign key as oracle' },
  { id: 'A22', title: 'TRUNCATE, REFERENCES, TRIGGER' },
  { id: 'A23', title: 'trigger or rule that copies rows' },
  { id: 'A24', title: 'operator that shadows =' },
  { id: 'A25', title: 'collation that finds different ids equal' },
  { id: 'A26', title: 'sub-select in a policy' },
  { id: 'A27', title: 'default, empty or garbled context' },
  { id: 'A28', title: 'context set by injected SQL' },
  { id: 'A29', title: 'state left on a pooled connection' },
  { id: 'A30', title: 'COPY, files, large objects' },
  { id: 'A31', title: 'logical replication' },
  { id: 'A32', title: 'NOTIFY and advisory locks' },
  { id: 'A33', title: 'shared sequences' },
  { id: 'A34', title: 'statements of others on show' },
  { id: 'A35', title: 'dblink and foreign data' },
  { id: 'A36', title: 'default privileges, right to create' },
  { id: 'A37', title: 'parameter privileges' },
  { id: 'A38', title: 'names in the catalogue' },
  { id: 'A56', title: 'context lost or crossed' },
  { id: 'A57', title: 'state shared by requests' },
  { id: 'A58', title: 'tenant switched in mid-request' },
  { id: 'A61', title: 'headers that name another tenant' },
  { id: 'A63', title: 'altered, truncated or old API key' },
  { id: 'A64', title: 'another tenant’s id on a route' },
  { id: 'A66', title: 'lists, filters, counts' },
  { id: 'A68', title: 'shared caches and ETags' },
  { id: 'A71', title: 'status or time as oracle' },
  { id: 'A72', title: 'logs, metrics and error traces' },
  {
    id: 'A73',
    title: 'mails and exports from a stale context',
    absent: 'no mail and no notification is sent',
  },
  { id: 'A74', title: 'a name used again after deletion' },
  { id: 'A80', title: 'fall-back for a tenant’s missing secret' },
  { id: 'A83', title: 'use charged to another tenant' },
];

export interface CatalogueLine {
  readonly id: string;
  readonly title: string;
  readonly result: 'held' | 'leaked' | 'untested' | 'not_covered';
  /** Names of the attacks and conditions that looked. */
  readonly by: readonly string[];
  readonly because: string;
}

interface Look {
  readonly by: string;
  readonly result: 'held' | 'leaked' | 'untested';
}

/** Each way across, and what looked for it. What nothing looked for is not counted as held. */
export function toCatalogue(
  lines: readonly AttackLine[],
  proofs: readonly ContainerProof[],
): readonly CatalogueLine[] {
  const looks = new Map<string, Look[]>();
  const note = (attack: string, look: Look): void => {
    looks.set(attack, [...(looks.get(attack) ?? []), look]);
  };
  for (const line of lines) {
    const result =
      line.leaked > 0 ? 'leaked' : line.untested > 0 ? 'untested' : line.held > 0 ? 'held' : undefined;
    if (result !== undefined) for (const attack of line.attacks) note(attack, { by: line.id, result });
  }
  for (const { result } of proofs)
    for (const { id, attacks, state } of result?.conditions ?? [])
      for (const attack of attacks) note(attack, { by: id, result: state === 'broken' ? 'leaked' : state });
  return catalogue.map(({ id, title, absent }) => toLine({ id, title, absent }, looks.get(id) ?? []));
}

function toLine(
  { id, title, absent }: { id: string; title: string; absent: string | undefined },
  looks: readonly Look[],
): CatalogueLine {
  const by = [...new Set(looks.map((look) => look.by))];
  const of = (result: Look['result']): readonly string[] => [
    ...new Set(looks.filter((look) => look.result === result).map((look) => look.by)),
  ];
  const [leaks, doubts, holds] = [of('leaked'), of('untested'), of('held')];
  if (leaks.length > 0) return { id, title, result: 'leaked', by, because: leaks.join(', ') };
  if (holds.length === 0)
    return {
      id,
      title,
      result: doubts.length > 0 ? 'untested' : 'not_covered',
      by,
      because: doubts.length > 0 ? doubts.join(', ') : (absent ?? 'nothing looked for it in this run'),
    };
  return { id, title, result: 'held', by, because: doubts.length > 0 ? `not by ${doubts.join(', ')}` : '' };
}
