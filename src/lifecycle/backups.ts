import type { EraseReceipt } from '../core/compartment.ts';
import type { TenantId } from '../core/ids.ts';
import type { CompartmentKind, Placement } from '../core/placement.ts';
import type { Actor } from '../core/scope.ts';
import type { Backup, Operation } from '../registry/registry.ts';
import type { NewFromArchive, TenantInTheMaking } from './archives.ts';

/** One set of records as the backup has it, against the tenant's own as it is now. */
export interface SetDifference {
  readonly compartment: CompartmentKind;
  readonly set: string;
  readonly now: number;
  readonly backup: number;
  /** What a swap would bring back, take away and change; null = too many to say which. Records are told apart by their `id`. */
  readonly added: number | null;
  readonly removed: number | null;
  readonly changed: number | null;
  readonly isEqual: boolean;
}

/**
 * `staged`: the backup lies beside the tenant's own data, compared. `swapped`: the tenant works on it, and what it had is
 * kept until that is confirmed or taken back.
 */
export interface RestoreStatus {
  readonly phase:
    | 'none'
    | 'staging'
    | 'staged'
    | 'swapping'
    | 'swapped'
    | 'confirming'
    | 'confirmed'
    | 'rolling_back'
    | 'rolled_back'
    | 'failed';
  readonly backup: string | undefined;
  readonly operation: Operation | undefined;
  readonly from: readonly Placement[];
  readonly to: readonly Placement[];
  readonly differences: readonly SetDifference[];
  /** Stores that cannot hold a tenant twice: their data stays as it is. Restore into a new tenant to have it. */
  readonly untouched: readonly CompartmentKind[];
}

export interface DrillReceipt {
  readonly backup: string;
  readonly tenant: TenantId;
  readonly operation: string;
  readonly records: number;
  readonly durationMs: number;
}

/** Backups of single tenants, and the ways back. */
export interface Backups {
  /** @throws tenant_not_found, transition_refused, operation_in_progress */
  beginBackup(
    tenant: TenantId,
    actor: Actor,
  ): Promise<{ readonly backup: Backup; readonly operation: Operation; readonly ended: Promise<Backup> }>;
  /** Makes those that are due by the database's clock, and that no other node makes. @returns how many this node has made */
  backUpDue(): Promise<number>;
  /** Reads all of it. Damaged ones are marked. @throws not_found, archive_refused with what is wrong */
  verifyBackup(id: string): Promise<Backup>;
  /** File and entry. @throws not_found, operation_in_progress while it is written */
  deleteBackup(id: string, actor: Actor): Promise<void>;
  /**
   * Restores the tenant's latest backup beside its data, compares, throws it away, and notes when.
   * @throws not_found where there is none; archive_refused, operation_in_progress, transition_refused
   */
  drill(tenant: TenantId, actor: Actor): Promise<DrillReceipt>;
  /** A new tenant from a backup. @throws as an import */
  beginRestoreAs(backup: string, wanted: NewFromArchive, actor: Actor): Promise<TenantInTheMaking>;
  /**
   * Puts a backup beside the data of its own tenant, which goes on working, and compares the two.
   * @throws not_found, archive_refused, transition_refused, operation_in_progress
   */
  beginRestore(
    backup: string,
    actor: Actor,
  ): Promise<{ readonly operation: Operation; readonly ended: Promise<RestoreStatus> }>;
  restoreOf(tenant: TenantId): Promise<RestoreStatus>;
  /** From one moment to the next the tenant works on the restored data. @throws transition_refused where none is staged */
  swapRestore(tenant: TenantId, actor: Actor): Promise<RestoreStatus>;
  /** Erases what the tenant had before; a tenant of a shared container goes back into it. @throws transition_refused */
  confirmRestore(
    tenant: TenantId,
    actor: Actor,
  ): Promise<RestoreStatus & { readonly erased: Readonly<Record<string, EraseReceipt>> }>;
  /** Back to what the tenant had before; what was written since the swap goes. @throws transition_refused */
  rollBackRestore(tenant: TenantId, actor: Actor): Promise<RestoreStatus>;
}
