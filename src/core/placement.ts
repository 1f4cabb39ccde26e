import type { TenantId } from './ids.ts';

export const isolations = ['shared', 'schema', 'database', 'dedicated'] as const;
export type Isolation = (typeof isolations)[number];

export const compartmentKinds = [
  'rows',
  'vectors',
  'cache',
  'memory',
  'objects',
  'models',
  'features',
  'jobs',
  'events',
  'keys',
] as const;
export type CompartmentKind = (typeof compartmentKinds)[number];

/**
 * Where one tenant's data is in one compartment.
 * `container` is the compartment's own address text (for rows `server:schema/…`); nobody else parses it.
 */
export interface Placement {
  readonly tenant: TenantId;
  readonly compartment: CompartmentKind;
  readonly isolation: Isolation;
  readonly container: string;
}

/** Whether this is the placement that a tenant's isolation is called after. The others may differ from it. */
export function namesIsolation({ compartment }: Pick<Placement, 'compartment'>): boolean {
  return compartment === 'rows';
}

export function parseIsolation(raw: unknown): Isolation | undefined {
  return isolations.find((isolation) => isolation === raw);
}
