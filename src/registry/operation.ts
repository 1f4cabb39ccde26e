import type { ErrorCode } from '../core/errors.ts';
import type { TenantId } from '../core/ids.ts';
import type { Actor } from '../core/scope.ts';

export const operationKinds = [
  'provision',
  'backfill',
  'suspend',
  'resume',
  'offboard',
  'reinstate',
  'move',
  'erase',
  'restore',
  'export',
  'import',
  'clone',
  'backup',
  'drill',
  'migrate',
] as const;
export type OperationKind = (typeof operationKinds)[number];

export const operationStates = ['running', 'done', 'failed', 'rolled_back', 'cancelled'] as const;

/** Of whatever the operation counts: rows, files, containers. */
export interface OperationProgress {
  readonly done: number;
  readonly total: number;
}

/** A long piece of work on one tenant, journalled so that another process can take it up where it stopped. */
export interface Operation {
  readonly id: string;
  readonly tenant: TenantId;
  readonly kind: OperationKind;
  readonly state: (typeof operationStates)[number];
  /** Who asked for it. */
  readonly actor: Actor;
  readonly input: Readonly<Record<string, unknown>>;
  /** Names of finished steps with what each returned, in order. */
  readonly steps: readonly { readonly name: string; readonly result: unknown; readonly at: Date }[];
  readonly failure: { readonly code: ErrorCode; readonly step: string; readonly reason: string } | undefined;
  /** How far the work is that takes long; undefined where it counts nothing. */
  readonly progress: OperationProgress | undefined;
  readonly cancelRequested: boolean;
  readonly startedAt: Date;
  readonly endedAt: Date | undefined;
}

export interface OperationQuery {
  readonly tenant?: TenantId | undefined;
  readonly state?: Operation['state'] | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

export interface OperationPage {
  readonly operations: readonly Operation[];
  /** Pass to get the next page; undefined = the end. */
  readonly nextCursor: string | undefined;
}

export interface OperationStore {
  /** This process, as running operations name their owner. */
  readonly owner: string;
  /** @throws operation_in_progress where one runs on the tenant already */
  begin(
    input: {
      readonly tenant: TenantId;
      readonly kind: OperationKind;
      readonly input: Readonly<Record<string, unknown>>;
    },
    actor: Actor,
  ): Promise<Operation>;
  /**
   * Renews the lease that tells a live owner from a dead one.
   * This, `recordStep` and `end` throw operation_in_progress where the operation is no longer this node's: stop then.
   */
  heartbeat(id: string): Promise<void>;
  /** Idempotent: what a step returned the first time stays. Bigints are kept as decimal text. */
  recordStep(id: string, name: string, result: unknown): Promise<void>;
  end(
    id: string,
    outcome: { readonly state: Operation['state']; readonly failure?: Operation['failure'] },
  ): Promise<void>;
  /** Renews the lease too. @returns whether somebody has asked for an end */
  recordProgress(id: string, progress: OperationProgress): Promise<'go_on' | 'cancel'>;
  /** A wish: the owner grants it where it still can. @throws not_found where nothing runs under that id */
  requestCancel(id: string): Promise<void>;
  read(id: string): Promise<Operation | undefined>;
  list(query: {
    readonly tenant?: TenantId;
    readonly state?: Operation['state'];
    readonly limit: number;
  }): Promise<readonly Operation[]>;
  /** The same, a page at a time. @throws request_invalid for a cursor not of ours */
  page(query: OperationQuery): Promise<OperationPage>;
  /** Running operations whose owner's lease ended: claimed by this node, atomically, for resuming. */
  claimAbandoned(): Promise<readonly Operation[]>;
}
