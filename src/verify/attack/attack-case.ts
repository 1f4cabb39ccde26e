import type { Tenant } from '../../core/tenant.ts';
import type { AttackedNode, Front } from './node.ts';

/** `untested`: it was tried and says nothing. `not_covered`: it does not apply here, and why. */
export type Outcome =
  | { readonly result: 'held'; readonly tried: number }
  | { readonly result: 'leaked'; readonly because: string }
  | { readonly result: 'untested' | 'not_covered'; readonly because: string };

export function held(tried: number): Outcome {
  return { result: 'held', tried };
}

export function leaked(because: string): Outcome {
  return { result: 'leaked', because };
}

export function untested(because: string): Outcome {
  return { result: 'untested', because };
}

export function notCovered(because: string): Outcome {
  return { result: 'not_covered', because };
}

/** A document planted in a tenant; whoever hunts for its text has the digest alone. */
export interface Planted {
  readonly document: string;
  readonly externalId: string;
  readonly digest: string;
}

/** One of the two tenants of an attack. */
export interface Side {
  readonly tenant: Tenant;
  readonly planted: Planted;
  /** Shown over HTTP. */
  readonly key: { readonly id: string; readonly secret: string };
}

/** Two tenants, and how roughly they may be treated. */
export interface Duel {
  readonly node: AttackedNode;
  readonly attacker: Side;
  readonly victim: Side;
  /** Undefined where no server can be started. */
  readonly front: Front | undefined;
  /** `throw_away` tenants may be suspended, renamed and erased; `kept` ones are left as they were. */
  readonly tenants: 'throw_away' | 'kept';
  /** How many requests a storm has. */
  readonly storm: number;
  /** A further throw-away tenant beside the two; undefined where none may be made. */
  readonly guest: (() => Promise<Tenant>) | undefined;
  /** Ends a guest as an erased tenant ends. */
  readonly erase: (tenant: Tenant) => Promise<void>;
}

export const fronts = ['store', 'scope', 'pool', 'registry', 'http'] as const;
export type FrontName = (typeof fronts)[number];

/** One attack, as data. */
export interface AttackCase {
  /** `http/foreign-ids`. */
  readonly id: string;
  /** Numbers of the catalogue of attacks. */
  readonly attacks: readonly string[];
  readonly how: string;
  run(duel: Duel): Promise<Outcome>;
}
