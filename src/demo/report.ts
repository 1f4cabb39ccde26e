import type { Isolation } from '../core/placement.ts';

/** What the work cost on one isolation. Medians, in milliseconds. */
export interface WorkRow {
  readonly isolation: Isolation;
  readonly tenants: number;
  readonly paragraphs: number;
  readonly readyMs: number;
  readonly createMs: number;
  readonly listMs: number;
  readonly getMs: number;
}

/** One kind of attack, however often it was tried. `leaked` above 0 is the end of the demo's good mood. */
export interface AttackRow {
  readonly front: 'store' | 'library' | 'http';
  readonly attack: string;
  readonly attempts: number;
  readonly held: number;
  readonly leaked: number;
  readonly untested: number;
  /** Why the first one leaked or could not be tried; undefined where all held. */
  readonly because: string | undefined;
}

export interface SearchResult {
  readonly asked: number;
  /** Questions whose answer came back. */
  readonly found: number;
}

export interface OwnerResult extends SearchResult {
  /** Questions whose paragraph came first. */
  readonly first: number;
}

export interface WrongWay {
  /** Of one query that should have shown one tenant's rows. */
  readonly withFilter: { readonly rows: number; readonly tenants: number };
  readonly filterForgotten: { readonly rows: number; readonly tenants: number };
  /** The same query through Bulkhead, where there is no filter to forget. */
  readonly bulkhead: { readonly rows: number; readonly tenants: number };
}

export interface PairRow {
  readonly attacker: Isolation;
  readonly victim: Isolation;
  readonly held: number;
  readonly leaked: number;
  readonly untested: number;
}

export interface DemoReport {
  readonly source: string;
  readonly tenants: number;
  readonly paragraphs: number;
  readonly work: readonly WorkRow[];
  readonly wrongWay: WrongWay;
  readonly search: {
    /** Whether the question can be answered at all: its owner asks. Without this, finding nothing would prove nothing. */
    readonly ownerAsks: OwnerResult;
    readonly neighbourAsksToy: SearchResult;
    readonly neighbourAsksBulkhead: SearchResult;
  };
  readonly pairs: readonly PairRow[];
  readonly attacks: readonly AttackRow[];
  readonly notCovered: readonly string[];
  readonly held: number;
  readonly leaked: number;
  readonly untested: number;
  readonly seconds: number;
}
