import type { EraseReceipt } from '../core/compartment.ts';
import type { TenantId } from '../core/ids.ts';
import type { Isolation, Placement } from '../core/placement.ts';
import type { Actor } from '../core/scope.ts';
import type { Operation } from '../registry/registry.ts';

export interface MoveInput {
  readonly tenant: TenantId;
  readonly isolation: string;
  /** Named server for a dedicated tenant; default any free one. */
  readonly server?: string | undefined;
  /** Compartments by kind; default all. The tenant's isolation is called anew only where its rows are among them. */
  readonly only?: readonly string[] | undefined;
}

/** What a move would be. Nothing was changed to find out. */
export interface MovePlan {
  readonly tenant: TenantId;
  readonly isolation: Isolation;
  readonly from: readonly Placement[];
  readonly to: readonly Placement[];
  readonly rows: bigint;
  readonly sizeBytes: bigint;
  readonly parts: readonly { readonly part: string; readonly count: bigint; readonly sizeBytes: bigint }[];
  /** From a quickly measured rate of reading; a guess. */
  readonly estimatedMs: number;
  readonly risks: readonly string[];
  /** Why it would be refused; empty = it can be done. */
  readonly refusals: readonly string[];
}

export interface MoveReceipt {
  readonly operation: string;
  readonly from: readonly Placement[];
  readonly to: readonly Placement[];
  /** Counted when the two ends were compared, just before the change-over. */
  readonly rows: bigint;
  /** By compartment and part, such as `rows.documents`: order-free, equal at both ends when the copy ended. */
  readonly hashes: Readonly<Record<string, string>>;
  /** From the last write the source could take to the first that the target took. */
  readonly writePauseMs: number;
  readonly durationMs: number;
}

/** Receipts of what was erased, by compartment. */
export interface ConfirmedMove {
  readonly operation: string;
  readonly erased: Readonly<Record<string, EraseReceipt>>;
}

/** What a tenant's last move has come to. */
export interface MoveStatus {
  /** `unconfirmed`: the tenant works at its target and can be rolled back. */
  readonly phase: 'none' | 'moving' | 'unconfirmed' | 'confirmed' | 'rolled_back' | 'failed';
  readonly operation: Operation | undefined;
  readonly from: readonly Placement[];
  readonly to: readonly Placement[];
}

/** Moves between isolations and servers, online. Until a move is confirmed its source is kept, sealed. */
export interface Moves {
  /** Compartments that are at the wanted place already stay out of the move. @throws tenant_not_found, isolation_unavailable, request_invalid */
  planMove(input: MoveInput): Promise<MovePlan>;
  /**
   * Reads go on throughout; writes wait while the tenant changes over. A failure before that leaves it where it was.
   * @throws tenant_not_found, transition_refused, isolation_unavailable, operation_in_progress, aborted where it was cancelled
   */
  move(input: MoveInput, actor: Actor): Promise<MoveReceipt>;
  /** The same, told of when it has begun. `ended` settles as `move` would. */
  beginMove(
    input: MoveInput,
    actor: Actor,
  ): Promise<{ readonly operation: Operation; readonly ended: Promise<MoveReceipt> }>;
  /** Erases the source. @throws transition_refused where nothing waits for it */
  confirmMove(tenant: TenantId, actor: Actor): Promise<ConfirmedMove>;
  /** Back to where it was, with all that was written since. @throws transition_refused where nothing waits for it */
  rollBackMove(tenant: TenantId, actor: Actor): Promise<MoveReceipt>;
  /** Asks a running move to stop, which it does up to the change-over. @throws transition_refused where none runs */
  cancelMove(tenant: TenantId): Promise<void>;
  moveOf(tenant: TenantId): Promise<MoveStatus>;
}
