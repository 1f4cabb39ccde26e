import type { Finding } from './finding.ts';
import type { ConditionResult, LookedAt, ProofResult } from './result.ts';

/** What changed between two proofs: of one database on two days, or of two databases. */
export interface ProofDiff {
  readonly before: ProofLabel;
  readonly after: ProofLabel;
  /** Findings that are new. */
  readonly appeared: readonly Finding[];
  readonly gone: readonly Finding[];
  readonly stayed: number;
  readonly conditions: readonly Change[];
  readonly versions: readonly Change[];
  /** Numbers of objects looked at that differ. */
  readonly looked: readonly Change[];
}

export interface ProofLabel {
  readonly database: string;
  readonly provedAt: string;
  readonly verdict: ProofResult['verdict'];
}

export interface Change {
  readonly name: string;
  readonly before: string;
  readonly after: string;
}

export function diff(before: ProofResult, after: ProofResult): ProofDiff {
  const had = new Set(before.findings.map(({ fingerprint }) => fingerprint));
  const has = new Set(after.findings.map(({ fingerprint }) => fingerprint));
  const appeared = after.findings.filter(({ fingerprint }) => !had.has(fingerprint));
  return {
    before: toLabel(before),
    after: toLabel(after),
    appeared,
    gone: before.findings.filter(({ fingerprint }) => !has.has(fingerprint)),
    stayed: after.findings.length - appeared.length,
    conditions: changes(statesOf(before.conditions), statesOf(after.conditions)),
    versions: changes(versionsOf(before), versionsOf(after)),
    looked: changes(numbersOf(before.looked), numbersOf(after.looked)),
  };
}

function toLabel({ subject, provedAt, verdict }: ProofResult): ProofLabel {
  return { database: subject.database, provedAt, verdict };
}

type Named = ReadonlyMap<string, string>;

function changes(before: Named, after: Named): Change[] {
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((name) => {
    const [was, is] = [before.get(name) ?? 'none', after.get(name) ?? 'none'];
    return was === is ? [] : [{ name, before: was, after: is }];
  });
}

function statesOf(conditions: readonly ConditionResult[]): Named {
  return new Map(conditions.map(({ id, state }) => [id, state]));
}

function versionsOf({ subject }: ProofResult): Named {
  return new Map([
    ['PostgreSQL', subject.serverVersion],
    ...subject.extensions.map((text): [string, string] => {
      const [name = '', version = ''] = text.split(' ');
      return [name, version];
    }),
  ]);
}

function numbersOf(looked: LookedAt): Named {
  return new Map(Object.entries(looked).map(([name, count]) => [name, String(count)]));
}
