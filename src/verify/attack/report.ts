import type { Isolation } from '../../core/placement.ts';
import type { FrontName } from './attack-case.ts';

/** What one attack came to over all pairs of tenants it was tried on. */
export interface AttackLine {
  readonly front: FrontName;
  /** `http/foreign-ids`, `rows/read-by-id`. */
  readonly id: string;
  readonly attacks: readonly string[];
  readonly how: string;
  readonly pairs: number;
  /** Single attempts: requests, statements. */
  readonly tried: number;
  readonly held: number;
  readonly leaked: number;
  readonly untested: number;
  readonly notCovered: number;
  /** Why it is not held, with the pair of isolations, once each. */
  readonly because: readonly string[];
}

/** What one pair of isolations came to over all attacks. */
export interface PairCell {
  readonly attacker: Isolation;
  readonly victim: Isolation;
  readonly held: number;
  readonly leaked: number;
  readonly untested: number;
}

/** A secret that could be read on purpose: whether the hunt found it. Without this, finding nothing proves nothing. */
export interface NegativeControl {
  readonly store: string;
  readonly found: boolean;
  /** Probes that noticed, and probes that were run. */
  readonly noticed: number;
  readonly probes: number;
  readonly because: string;
}

export interface AttackReport {
  readonly lines: readonly AttackLine[];
  readonly pairs: readonly PairCell[];
  readonly controls: readonly NegativeControl[];
  readonly executed: number;
}
