/** One thing looked at now. `not_yet`: the part does not exist, so there is nothing to look at. */
export interface ReadinessCheck {
  readonly id: string;
  readonly name: string;
  readonly state: 'ok' | 'fail' | 'not_yet';
  readonly found: string;
}

export const readinessGroups = ['security', 'capacity', 'cost', 'performance'] as const;
export type ReadinessGroup = (typeof readinessGroups)[number];

export function toCheck(
  about: Pick<ReadinessCheck, 'id' | 'name'>,
  holds: boolean,
  found: string,
): ReadinessCheck {
  return { ...about, state: holds ? 'ok' : 'fail', found };
}

export function notYet(about: Pick<ReadinessCheck, 'id' | 'name'>, because: string): ReadinessCheck {
  return { ...about, state: 'not_yet', found: because };
}
