import { setTimeout } from 'node:timers/promises';
import { BulkheadError, errorTable, type ErrorCode } from '../../core/errors.ts';
import type { Operator } from '../connection/operator.ts';
import type { Session } from '../session.ts';
import type { ShownOperation } from './operation.ts';

const lookEveryMs = 500;

/** Until an operation has ended; says how far it is, each tenth of the way. @throws what it failed with */
export async function watchOperation(
  session: Session,
  operator: Operator,
  work: { readonly operation: string; readonly title: string },
): Promise<ShownOperation> {
  let told = -1;
  for (;;) {
    const now = await operator.call('getOperation', {
      params: { operation: work.operation },
      query: undefined,
      body: undefined,
    });
    if (now.state === 'done') return now;
    if (now.state !== 'running') throw toError(work.title, now);
    const { progress } = now;
    const share = progress === null ? 0 : Math.floor((10 * progress.done) / Math.max(1, progress.total));
    if (progress !== null && share > told) {
      told = share;
      session.output.note(`${work.title}: ${progress.done} of ${progress.total} records`);
    }
    await setTimeout(lookEveryMs);
  }
}

function toError(title: string, { state, failure }: ShownOperation): BulkheadError {
  const code = failure?.code ?? 'internal';
  const known = Object.hasOwn(errorTable, code) ? (code as ErrorCode) : 'internal';
  return new BulkheadError(known, {
    reason: `${title} ended ${state}: ${failure?.reason ?? 'no reason is known'}`,
  });
}
