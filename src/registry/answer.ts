import { BulkheadError, isBulkheadError } from '../core/errors.ts';

/**
 * The answer of a read that a permission depends on.
 * @throws registry_stale where it fails or does not come in time: then nobody can say what is allowed
 */
export async function answerOf<Answer>(pending: Promise<Answer>, timeoutMs: number): Promise<Answer> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    late.reject(new BulkheadError('registry_stale', { reason: 'the registry did not answer in time' }));
  }, timeoutMs);
  try {
    return await Promise.race([pending, late.promise]);
  } catch (cause) {
    // A row we cannot understand is an answer, though a bad one.
    if (isBulkheadError(cause, 'registry_stale') || isBulkheadError(cause, 'internal')) throw cause;
    throw new BulkheadError('registry_stale', { reason: 'the registry does not answer' }, { cause });
  } finally {
    clearTimeout(timer);
  }
}
