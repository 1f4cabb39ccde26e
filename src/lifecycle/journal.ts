import { BulkheadError, isBulkheadError } from '../core/errors.ts';
import type { Operation, OperationStore } from '../registry/registry.ts';

/** One step of a lifecycle loop. It may run again after a crash, so it must end the same when repeated. */
export interface Step {
  readonly name: string;
  /** @returns what the journal keeps: plain JSON, ids and counts only */
  run(): Promise<unknown>;
}

/** One step, or several that have nothing to do with one another and are made at once. */
export type Stage = Step | readonly Step[];

/** Called before and after each step. Tests make it throw, or kill the process in it. */
export type Checkpoint = (step: string, moment: 'before' | 'after') => Promise<void>;

export interface JournalDeps {
  readonly operations: OperationStore;
  readonly checkpoint: Checkpoint;
}

/** How often a running operation tells that its owner lives. */
const heartbeatMs = 5_000;

/** A failed step, with its name; the cause is what the step threw. */
export class StepFailed extends Error {
  readonly step: string;
  constructor(step: string, cause: unknown) {
    super(`step ${step} failed`, { cause });
    this.name = 'StepFailed';
    this.step = step;
  }
}

/**
 * Runs the stages in order, skipping the steps that the journal has; each stage is recorded before the next begins. Where a
 * step fails, those made at once with it have ended too. @throws StepFailed
 */
export async function runSteps(
  deps: JournalDeps,
  operation: Operation,
  stages: readonly Stage[],
): Promise<void> {
  const done = new Set(operation.steps.map(({ name }) => name));
  await keepingLease(deps, operation, async () => {
    for (const stage of stages) {
      const steps = 'run' in stage ? [stage] : stage;
      const due = steps.filter(({ name }) => !done.has(name));
      const ends = await Promise.allSettled(due.map((step) => runStep(deps, operation, step)));
      const failed = ends.find((end) => end.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
    }
  });
}

/** Tells, as long as `body` runs, that the operation's owner lives. */
export async function keepingLease<T>(
  deps: Pick<JournalDeps, 'operations'>,
  operation: Operation,
  body: () => Promise<T>,
): Promise<T> {
  const heartbeat = setInterval(() => {
    // A beat that is missed is made up by the next; losing the lease shows in recordStep.
    void deps.operations.heartbeat(operation.id).catch(() => undefined);
  }, heartbeatMs);
  heartbeat.unref();
  try {
    return await body();
  } finally {
    clearInterval(heartbeat);
  }
}

async function runStep(deps: JournalDeps, operation: Operation, step: Step): Promise<void> {
  try {
    await deps.checkpoint(step.name, 'before');
    const result = await step.run();
    await deps.checkpoint(step.name, 'after');
    await deps.operations.recordStep(operation.id, step.name, result ?? null);
  } catch (cause) {
    throw new StepFailed(step.name, cause);
  }
}

/** What the journal says of a failure: code and step, never the text of a foreign error. */
export function toFailure(cause: unknown): NonNullable<Operation['failure']> {
  const step = cause instanceof StepFailed ? cause.step : 'unknown';
  const inner = cause instanceof StepFailed ? cause.cause : cause;
  return isBulkheadError(inner)
    ? { code: inner.code, step, reason: inner.message }
    : { code: 'internal', step, reason: 'unexpected error' };
}

/** What the caller is told: the step's own error where it is one of ours. */
export function toCallerError(cause: unknown): unknown {
  if (!(cause instanceof StepFailed)) return cause;
  if (isBulkheadError(cause.cause)) return cause.cause;
  return new BulkheadError('internal', { step: cause.step, reason: `step ${cause.step} failed` }, { cause });
}
