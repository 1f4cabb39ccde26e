import type { Census } from '../core/compartment.ts';
import type { TenantId } from '../core/ids.ts';
import type { CompartmentKind, Placement } from '../core/placement.ts';
import type { Actor } from '../core/scope.ts';
import type { Tenant } from '../core/tenant.ts';
import type { Erasure, Operation } from '../registry/registry.ts';

export interface OffboardInput {
  readonly tenant: TenantId;
  /** 1 to 3650; default the setting `offboarding.retention_days`, else 30. */
  readonly retentionDays?: number | undefined;
}

export interface EraseInput {
  readonly tenant: TenantId;
  /** The tenant's slug, typed by whoever wants it gone before its retention ends. */
  readonly confirm: string;
}

/** Why a tenant is erased: its retention has ended, somebody wants it at once, or it came back with a backup. */
export const erasureReasons = ['retention_ended', 'requested', 'came_back'] as const;
export type ErasureReason = (typeof erasureReasons)[number];

export interface ErasedPlace {
  readonly compartment: CompartmentKind;
  readonly container: string;
  /** Records counted before, by another query than the one that removed. null = it could not be asked. */
  readonly before: number | null;
  readonly removed: number;
  /** Counted afterwards, by yet another query. null = it could not be asked. */
  readonly after: number | null;
  /** Code of what went wrong, for `internal` with a reason; or null. */
  readonly problem: string | null;
}

/** What of a tenant was found by looking everywhere. */
export interface Hunt {
  readonly looked: readonly string[];
  readonly found: readonly {
    readonly place: string;
    readonly records: number;
    readonly holds: readonly string[];
  }[];
  readonly notSeen: Census['notSeen'];
}

/** `partial`: something could not be reached or was left; it is gone on with until it is complete. */
export interface ErasureReceipt {
  readonly format: 'bulkhead erasure receipt 1';
  readonly state: 'partial' | 'complete';
  readonly tenant: TenantId;
  readonly slug: string;
  readonly operation: string;
  readonly because: ErasureReason;
  readonly requestedBy: string;
  readonly startedAt: string;
  readonly writtenAt: string;
  readonly credentials: { readonly apiKeys: number; readonly secrets: number };
  readonly places: readonly ErasedPlace[];
  readonly hunt: Hunt;
  /** Rows of the registry that stay, by table: ids, counts and codes. */
  readonly kept: Readonly<Record<string, number>>;
  readonly notCovered: readonly string[];
}

/** A receipt as it was signed. */
export interface SignedReceipt {
  readonly receipt: ErasureReceipt;
  /** The text that is signed: `receipt` as JSON, byte for byte. */
  readonly body: string;
  readonly sha256: string;
  readonly signature: string;
  readonly publicKey: string;
}

export interface ErasureStatus {
  readonly phase: 'none' | 'offboarding' | 'erasing' | 'partial' | 'complete' | 'failed';
  readonly erasesAt: Date | undefined;
  readonly operation: Operation | undefined;
  readonly receipt: SignedReceipt | undefined;
}

export interface Replay {
  /** Entries that a copy of the ledger had and the registry had not. */
  readonly adopted: number;
  readonly erasedAgain: readonly TenantId[];
  /** Erased tenants that are back and could not be erased now; the next round tries again. */
  readonly stillThere: readonly TenantId[];
}

/**
 * `unknown`: the registry has never heard of the tenant, as after a backup older than it was restored.
 * `erased`: it is gone, and this came back or was left. `misplaced`: it lives, elsewhere.
 */
export interface Orphan {
  readonly kind: 'unknown' | 'erased' | 'misplaced';
  readonly placement: Placement;
  readonly holds: readonly string[];
}

export interface Orphans {
  readonly orphans: readonly Orphan[];
  /** Placements of living tenants where there is nothing. */
  readonly missing: readonly Placement[];
  readonly notSeen: Census['notSeen'];
}

/** How tenants leave. */
export interface Leaving {
  /**
   * Sessions and keys die at once, on other nodes within a second; the data stays until `erasesAt`.
   * @throws tenant_not_found, transition_refused, operation_in_progress, value_invalid, compartment_unreachable where a
   * store is sealed later
   */
  offboard(input: OffboardInput, actor: Actor): Promise<Tenant>;
  /** Ends suspended; keys stay revoked. @throws tenant_not_found, transition_refused, operation_in_progress */
  reinstate(id: TenantId, actor: Actor): Promise<Tenant>;
  /**
   * Erases now, whatever of the retention is left. `ended` settles with the receipt, which is partial where a store did
   * not answer. @throws tenant_not_found, transition_refused, operation_in_progress, value_invalid for a wrong slug
   */
  beginErase(
    input: EraseInput,
    actor: Actor,
  ): Promise<{ readonly operation: Operation; readonly ended: Promise<SignedReceipt> }>;
  erase(input: EraseInput, actor: Actor): Promise<SignedReceipt>;
  erasureOf(id: TenantId): Promise<ErasureStatus>;
  /** Looks for the tenant in every store, the registry and the data folder. Changes nothing. */
  hunt(id: TenantId): Promise<Hunt>;
  /** Erases tenants whose retention has ended by the database's clock. @returns how many this node has erased */
  eraseDue(): Promise<number>;
  /**
   * What was erased stays erased: tenants of the ledger that are back are erased again.
   * @param depth `registry` looks whether that was restored; `everywhere` asks the stores as well
   */
  replayErasures(depth: 'registry' | 'everywhere'): Promise<Replay>;
  /** Takes up an exported ledger, then replays it. @throws request_invalid for an entry that is not of this installation */
  importErasures(erasures: readonly Erasure[]): Promise<Replay>;
  /** What the stores hold beside the registry's placements. Changes nothing. */
  orphans(): Promise<Orphans>;
  /** Removes one that belongs to no living tenant. @throws not_found, transition_refused */
  removeOrphan(container: string, actor: Actor): Promise<ErasedPlace>;
}
