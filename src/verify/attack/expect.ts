import { setTimeout as sleep } from 'node:timers/promises';
import { isBulkheadError, type ErrorCode } from '../../core/errors.ts';
import { held, leaked, type Outcome } from './attack-case.ts';

/** Held where the work is refused with this code; another error says nothing and is thrown on. */
export async function mustThrow(code: ErrorCode, work: () => unknown): Promise<Outcome> {
  try {
    await work();
  } catch (cause) {
    if (isBulkheadError(cause, code)) return held(1);
    throw cause;
  }
  return leaked('it was accepted');
}

/** The first that did not hold, else all of them as one. */
export async function all(attempts: readonly (() => Promise<Outcome>)[]): Promise<Outcome> {
  let tried = 0;
  for (const attempt of attempts) {
    const outcome = await attempt();
    if (outcome.result !== 'held') return outcome;
    tried += outcome.tried;
  }
  return held(tried);
}

/**
 * Runs so many at once, and waits for all of them however one ends. A caller whom a full queue turns away comes again,
 * so that all of them are under way together.
 * @returns what is wrong, of the first that is
 */
export async function storm(
  count: number,
  visit: (index: number) => Promise<string | undefined>,
): Promise<Outcome> {
  const ended = await Promise.allSettled(
    Array.from({ length: count }, (_, index) => insist(() => visit(index))),
  );
  const wrong = ended.flatMap((one) =>
    one.status === 'fulfilled' && one.value !== undefined ? [one.value] : [],
  );
  if (wrong[0] !== undefined) return leaked(wrong[0]);
  const broken = ended.find((one) => one.status === 'rejected');
  if (broken !== undefined) throw broken.reason;
  return held(count);
}

const patience = 1_500;
const pauseMs = 80;

async function insist<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (cause) {
      if (!isBulkheadError(cause, 'pool_saturated') || attempt === patience) throw cause;
      await sleep(Math.random() * pauseMs);
    }
  }
}
