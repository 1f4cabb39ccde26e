export const checkStates = ['ok', 'warn', 'fail', 'untested'] as const;
export type CheckState = (typeof checkStates)[number];

/** One live check. `todo` says how to mend it, or how to have it tested; empty where nothing is to be done. */
export interface Check {
  readonly area: 'versions' | 'host' | 'database' | 'roles' | 'settings' | 'walls' | 'pooler';
  readonly name: string;
  readonly state: CheckState;
  readonly found: string;
  readonly todo: string;
}

type About = Pick<Check, 'area' | 'name'>;

export function ok(about: About, found: string): Check {
  return { ...about, state: 'ok', found, todo: '' };
}

export function warn(about: About, found: string, todo: string): Check {
  return { ...about, state: 'warn', found, todo };
}

export function fail(about: About, found: string, todo: string): Check {
  return { ...about, state: 'fail', found, todo };
}

/** Not looked at, and why. Never counted as good. */
export function untested(about: About, because: string, todo = ''): Check {
  return { ...about, state: 'untested', found: because, todo };
}

/** `good` where the condition holds, else what is `bad` about it. */
export function expectThat(holds: boolean, outcome: { readonly good: Check; readonly bad: Check }): Check {
  return holds ? outcome.good : outcome.bad;
}
