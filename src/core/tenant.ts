import { BulkheadError } from './errors.ts';
import type { Slug, TenantId } from './ids.ts';
import type { Isolation, Placement } from './placement.ts';

export const tenantStates = ['provisioning', 'active', 'suspended', 'offboarding', 'deleted'] as const;
export type TenantState = (typeof tenantStates)[number];

export const tenantEvents = [
  'provisioned',
  'suspended',
  'resumed',
  'offboarded',
  'reinstated',
  'erased',
] as const;
export type TenantEvent = (typeof tenantEvents)[number];

/**
 * The lifecycle: state × event → next state, or undefined where the event is refused. Total: every cell is written.
 * `reinstated` is the cancelled offboarding; it ends suspended, because sessions and keys died when it began.
 * `erased` from provisioning is the roll-back of a provisioning that failed.
 */
export const transitions = {
  provisioning: {
    provisioned: 'active',
    suspended: undefined,
    resumed: undefined,
    offboarded: undefined,
    reinstated: undefined,
    erased: 'deleted',
  },
  active: {
    provisioned: undefined,
    suspended: 'suspended',
    resumed: undefined,
    offboarded: 'offboarding',
    reinstated: undefined,
    erased: undefined,
  },
  suspended: {
    provisioned: undefined,
    suspended: undefined,
    resumed: 'active',
    offboarded: 'offboarding',
    reinstated: undefined,
    erased: undefined,
  },
  offboarding: {
    provisioned: undefined,
    suspended: undefined,
    resumed: undefined,
    offboarded: undefined,
    reinstated: 'suspended',
    erased: 'deleted',
  },
  deleted: {
    provisioned: undefined,
    suspended: undefined,
    resumed: undefined,
    offboarded: undefined,
    reinstated: undefined,
    erased: undefined,
  },
} as const satisfies Record<TenantState, Record<TenantEvent, TenantState | undefined>>;

/** @throws transition_refused where the state does not allow the event. */
export function nextState(state: TenantState, event: TenantEvent): TenantState {
  const next = transitions[state][event];
  if (next === undefined)
    throw new BulkheadError('transition_refused', {
      state,
      event,
      reason: `a tenant that is ${state} cannot be ${event}`,
    });
  return next;
}

/** Lets a tenant read one below it, or all below it, until it expires or is revoked. */
export interface UmbrellaGrant {
  readonly id: string;
  /** undefined = every tenant below, those of later too. */
  readonly child: TenantId | undefined;
  readonly expiresAt: Date;
}

/** A customer, as the registry keeps it. */
export interface Tenant {
  readonly id: TenantId;
  readonly slug: Slug;
  readonly name: string;
  readonly plan: string;
  readonly state: TenantState;
  readonly isolation: Isolation;
  readonly region: string | undefined;
  readonly parent: TenantId | undefined;
  /** On top of the plan's. */
  readonly features: readonly string[];
  readonly settings: Readonly<Record<string, unknown>>;
  readonly encryptionKeyId: string;
  readonly placements: readonly Placement[];
  /** Tenants below it that it may read now. */
  readonly umbrella: readonly UmbrellaGrant[];
  /** Grows with every change of the tenant; part of cache keys, so that nothing old is believed. */
  readonly epoch: number;
  /** When its data is due to be erased; while it is offboarding alone. */
  readonly erasesAt: Date | undefined;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** Levels of parents above a tenant; a root has depth 1. */
export const maxHierarchyDepth = 5;
