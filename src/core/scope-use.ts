import type { Scope } from './scope.ts';

/** What the work of one scope has used so far. Kept beside the scope, because a scope is frozen. */
export interface ScopeUse {
  /** Statements that were sent to a store. */
  queries: number;
  /** Rows that statements returned or touched. */
  rows: number;
}

const uses = new WeakMap<Scope, ScopeUse>();

/** The counters of a scope, for the compartments that raise them and for the meters that read them. */
export function useOf(scope: Scope): ScopeUse {
  let use = uses.get(scope);
  if (use === undefined) {
    use = { queries: 0, rows: 0 };
    uses.set(scope, use);
  }
  return use;
}
