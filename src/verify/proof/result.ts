import type { ConditionId, Finding } from './finding.ts';

/** What a proof came to. Plain data: it is written as JSON, signed as evidence and compared with others. */
export interface ProofResult {
  readonly format: 'bulkhead.proof/1';
  /** `inconclusive` is never a pass: something could not be looked at. */
  readonly verdict: 'held' | 'broken' | 'inconclusive';
  readonly claim: string;
  readonly assumptions: readonly string[];
  /** What the claim does not speak of. */
  readonly notCovered: readonly string[];
  /** Why it is inconclusive, where it is. */
  readonly doubts: readonly string[];
  readonly subject: ProofSubject;
  readonly looked: LookedAt;
  readonly conditions: readonly ConditionResult[];
  readonly findings: readonly Finding[];
  /** Errors that the baseline accepts, with its reason. */
  readonly accepted: readonly AcceptedFinding[];
  /** Entries of the baseline that have expired or match nothing any more. */
  readonly staleBaseline: readonly string[];
  readonly provedAt: string;
  readonly durationMs: number;
  /** SHA-256 of the options and of every catalogue fact read. */
  readonly inputsSha256: string;
}

export interface ProofSubject {
  readonly database: string;
  readonly serverVersion: string;
  readonly role: string;
  readonly tenantColumn: string;
  readonly context: string;
  readonly contextFrom: 'given' | 'policies';
  readonly walls: 'canonical' | 'handwritten';
  readonly extensions: readonly string[];
  /** The date of the list of versions that are safe. */
  readonly floorsReviewed: string;
}

export interface LookedAt {
  readonly roles: number;
  readonly schemas: number;
  readonly relations: number;
  readonly tenantTables: number;
  readonly globalTables: number;
  readonly views: number;
  readonly policies: number;
  readonly functions: number;
  readonly uniqueKeys: number;
  readonly foreignKeys: number;
  readonly triggers: number;
}

export interface ConditionResult {
  readonly id: ConditionId;
  readonly title: string;
  readonly attacks: readonly string[];
  readonly state: 'held' | 'broken' | 'untested';
  /** Why it is untested. */
  readonly because?: string | undefined;
  readonly looked: number;
  readonly errors: number;
  readonly warnings: number;
}

export interface AcceptedFinding extends Finding {
  readonly acceptedBecause: string;
  readonly acceptedUntil: string;
}
