import type { BlobStore } from '../../core/blob-store.ts';
import type { Clock } from '../../core/clock.ts';
import type { Compartment } from '../../core/compartment.ts';
import { BulkheadError, isBulkheadError } from '../../core/errors.ts';
import type { ExportRecord } from '../../core/export-record.ts';
import type { TenantId } from '../../core/ids.ts';
import type { CompartmentKind } from '../../core/placement.ts';
import type { Tenant } from '../../core/tenant.ts';
import type { Operation, OperationStore, Registry } from '../../registry/registry.ts';
import type { Starters } from '../starter.ts';
import { StepFailed, toCallerError, toFailure, type JournalDeps } from '../journal.ts';

/** What archives need besides stores and registry. */
export interface ArchiveSurroundings {
  /** Where exports and backups are kept. */
  readonly blobs: BlobStore;
  /** Of this program, as archives name it. */
  readonly version: string;
  /** The newest version of its records' shape that a compartment can have here; none = it is not versioned. */
  readonly newestSchemas: ReadonlyMap<CompartmentKind, string>;
}

export interface ArchiveDeps extends JournalDeps, ArchiveSurroundings {
  readonly registry: Registry;
  readonly compartments: readonly Compartment[];
  readonly starters: Starters;
  readonly clock: Clock;
}

const nowhere = (): never => {
  throw new BulkheadError('blob_unwritable', { reason: 'this node has no place for archives' });
};

/** Of a node without a place for archives. */
export const noArchives: ArchiveSurroundings = {
  blobs: {
    write: async () => nowhere(),
    read: () => nowhere(),
    stat: async () => undefined,
    list: async () => [],
    remove: async () => {},
  },
  version: 'unknown',
  newestSchemas: new Map(),
};

/** Stores of what is only remembered for a while and can be made again: they are in no archive. */
export function isPassing(kind: CompartmentKind): boolean {
  return kind === 'cache';
}

export async function readLiveTenant(
  { registry }: Pick<ArchiveDeps, 'registry'>,
  id: TenantId,
): Promise<Tenant> {
  const tenant = await registry.tenants.read(id);
  if (tenant === undefined || tenant.state === 'deleted') throw new BulkheadError('tenant_not_found');
  if (tenant.state === 'provisioning')
    throw new BulkheadError('transition_refused', {
      state: tenant.state,
      reason: 'the tenant is being made',
    });
  return tenant;
}

export async function rereadOperation({ operations }: JournalDeps, id: string): Promise<Operation> {
  const operation = await operations.read(id);
  if (operation === undefined) throw new BulkheadError('not_found', { operation: id });
  return operation;
}

/** @returns what a finished step has written down, or undefined */
export function resultOf({ steps }: Operation, name: string): object | undefined {
  const result = steps.find((step) => step.name === name)?.result;
  return typeof result === 'object' && result !== null ? result : undefined;
}

const tellEveryMs = 1_000;

/**
 * Tells the journal how far the work is, without making it wait: the embedded database may be busy with the very work.
 * Hears there whether somebody wants it stopped, and throws in the middle of it then.
 */
export class ArchiveProgress {
  readonly #operations: OperationStore;
  readonly #operation: string;
  readonly #total: number;
  #done = 0;
  #toldMs = 0;
  #isTelling = false;
  #isCancelled = false;

  constructor(operations: OperationStore, operation: string, total = 0) {
    this.#operations = operations;
    this.#operation = operation;
    this.#total = total;
  }

  /** @throws aborted */
  readonly count = (records: number): void => {
    this.#done += records;
    if (this.#isCancelled) throw new BulkheadError('aborted', { reason: 'the operation was cancelled' });
    const now = performance.now();
    if (this.#isTelling || now - this.#toldMs < tellEveryMs) return;
    this.#toldMs = now;
    this.#isTelling = true;
    const progress = { done: this.#done, total: Math.max(this.#total, this.#done) };
    void this.#tell(progress);
  };

  async #tell(progress: { readonly done: number; readonly total: number }): Promise<void> {
    try {
      const wish = await this.#operations.recordProgress(this.#operation, progress);
      this.#isCancelled = wish === 'cancel';
    } catch {
      // Another node has the operation now; the next step of the journal says so.
    } finally {
      this.#isTelling = false;
    }
  }

  async *counted(records: AsyncIterable<ExportRecord>): AsyncGenerator<ExportRecord, void, undefined> {
    let uncounted = 0;
    for await (const record of records) {
      yield record;
      uncounted += 1;
      if (uncounted < 1_000) continue;
      this.count(uncounted);
      uncounted = 0;
    }
    this.count(uncounted);
  }
}

/**
 * Ends an operation that has changed nothing of its tenant.
 * @param cleanUp removes what it has made; not called where the operation is another process's by now
 * @throws what the caller is told
 */
export async function endFailed(
  deps: JournalDeps,
  failed: { readonly operation: Operation; readonly cause: unknown },
  cleanUp: () => Promise<void>,
): Promise<never> {
  const { operation, cause } = failed;
  const is = (code: 'aborted' | 'operation_in_progress'): boolean =>
    cause instanceof StepFailed && isBulkheadError(cause.cause, code);
  if (is('operation_in_progress')) throw toCallerError(cause);
  await cleanUp();
  const state = is('aborted') ? 'cancelled' : 'failed';
  await deps.operations.end(operation.id, { state, failure: toFailure(cause) });
  throw toCallerError(cause);
}
