import type { Clock } from '../core/clock.ts';
import type { Isolation } from '../core/placement.ts';
import type { AttackLine, AttackReport, NegativeControl, PairCell } from './attack/report.ts';
import { toCatalogue, type CatalogueLine } from './catalogue.ts';
import type { CodeScore, SchemaScore } from './faults/score.ts';
import type { ContainerProof } from './proof/container-proof.ts';

export const verdicts = ['held', 'leaked', 'inconclusive', 'failed'] as const;

/**
 * `leaked`: something got through. `failed`: nothing was tried at all. `inconclusive`: a control was not found, or
 * something that should have been tried could not be. None of the three is a pass.
 */
export type VerificationVerdict = (typeof verdicts)[number];

export interface VerifiedTenant {
  readonly id: string;
  readonly isolation: Isolation;
  /** Made for the run and removed, or one that was there. */
  readonly kind: 'throw_away' | 'kept';
}

/** What went on while the attacks were made. */
export interface StirReport {
  readonly statements: number;
  readonly moves: number;
  readonly migrations: number;
}

export interface Versions {
  readonly bulkhead: string;
  readonly node: string;
  readonly servers: readonly string[];
}

/** What a verification came to. Plain data: printed, stored, and signed as evidence. */
export interface VerificationResult {
  readonly format: 'bulkhead.verification/1';
  readonly verdict: VerificationVerdict;
  /** Why it is no pass; empty where everything held. */
  readonly reasons: readonly string[];
  readonly startedAt: string;
  readonly endedAt: string;
  readonly durationMs: number;
  readonly versions: Versions;
  readonly tenants: readonly VerifiedTenant[];
  readonly compartments: readonly string[];
  readonly attacks: readonly AttackLine[];
  readonly pairs: readonly PairCell[];
  readonly controls: readonly NegativeControl[];
  readonly executed: number;
  readonly proofs: readonly ContainerProof[];
  readonly catalogue: readonly CatalogueLine[];
  readonly stirred: StirReport | undefined;
  readonly mutations: { readonly schemas: SchemaScore | undefined; readonly code: CodeScore | undefined };
  /** What the run did not look at, and why. */
  readonly notCovered: readonly string[];
}

export interface Gathered {
  readonly clock: Clock;
  readonly startedMs: number;
  readonly startedAt: Date;
  readonly versions: Omit<Versions, 'servers'>;
  readonly tenants: readonly VerifiedTenant[];
  readonly compartments: readonly string[];
  readonly report: AttackReport;
  readonly proofs: readonly ContainerProof[];
  readonly stirred: StirReport | undefined;
  readonly mutations: VerificationResult['mutations'];
  readonly notCovered: readonly string[];
}

export function toVerification(gathered: Gathered): VerificationResult {
  const { clock, startedMs, startedAt, versions, report, proofs, ...rest } = gathered;
  const catalogue = toCatalogue(report.lines, proofs);
  return {
    format: 'bulkhead.verification/1',
    ...judge({ report, proofs, mutations: rest.mutations }),
    startedAt: startedAt.toISOString(),
    endedAt: new Date(clock.nowMs()).toISOString(),
    durationMs: Math.round(clock.monotonicMs() - startedMs),
    versions: {
      ...versions,
      servers: [...new Set(proofs.flatMap(({ result }) => result?.subject.serverVersion ?? []))],
    },
    tenants: rest.tenants,
    compartments: rest.compartments,
    attacks: report.lines,
    pairs: report.pairs,
    controls: report.controls,
    executed: report.executed,
    proofs,
    catalogue,
    stirred: rest.stirred,
    mutations: rest.mutations,
    notCovered: [
      ...rest.notCovered,
      ...report.lines
        .filter(({ held, leaked, notCovered }) => notCovered > 0 && held + leaked === 0)
        .map(notTried),
      ...catalogue
        .filter(({ result }) => result === 'not_covered')
        .map(({ id, title, because }) => `${id} ${title}: ${because}`),
      ...new Set(proofs.flatMap(({ result }) => result?.notCovered ?? [])),
    ],
  };
}

function notTried({ id, because }: AttackLine): string {
  return `${id}: ${because[0]?.replace(/^\w+ on \w+: /, '') ?? 'it does not apply'}`;
}

/** Leaks before everything, then whether anything was tried at all, then doubts. */
export function judge(input: {
  readonly report: AttackReport;
  readonly proofs: readonly ContainerProof[];
  readonly mutations: VerificationResult['mutations'];
}): Pick<VerificationResult, 'verdict' | 'reasons'> {
  const { report, proofs, mutations } = input;
  const leaks = [
    ...report.lines
      .filter(({ leaked }) => leaked > 0)
      .map(({ id, because }) => `${id}: ${because[0] ?? 'it leaked'}`),
    ...proofs
      .filter(({ result }) => result?.verdict === 'broken')
      .map(({ database, result }) => `proof of ${database}: ${firstError(result)}`),
  ];
  if (leaks.length > 0) return { verdict: 'leaked', reasons: leaks };
  if (report.executed === 0) return { verdict: 'failed', reasons: ['no attack was executed'] };
  const doubts = [
    ...report.controls
      .filter(({ found }) => !found)
      .map(({ store, because }) => `control of ${store}: ${because}`),
    ...(report.controls.length === 0 ? ['no negative control was planted'] : []),
    ...report.lines
      .filter(({ untested }) => untested > 0)
      .map(({ id, because }) => `${id}: ${because[0] ?? 'it could not be tried'}`),
    ...proofs
      .filter(({ result }) => result === undefined || result.verdict === 'inconclusive')
      .map(
        ({ database, result, because }) =>
          `proof of ${database}: ${because ?? result?.doubts[0] ?? 'nothing can be said'}`,
      ),
    ...[mutations.schemas, mutations.code].flatMap((score) =>
      score === undefined ? [] : score.missed.map((name) => `a planted fault was not noticed: ${name}`),
    ),
  ];
  return doubts.length > 0 ? { verdict: 'inconclusive', reasons: doubts } : { verdict: 'held', reasons: [] };
}

function firstError(result: ContainerProof['result']): string {
  const error = result?.findings.find(({ severity }) => severity === 'error');
  return error === undefined ? 'it is broken' : `${error.condition} ${error.object}: ${error.reason}`;
}
