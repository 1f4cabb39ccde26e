import type { Scope } from '../core/scope.ts';
import { toError } from './refusal.ts';
import type { Verdict } from '../core/verdict.ts';
import type { TenantDirectory } from '../registry/registry.ts';
import { admitByState } from './admit.ts';
import { unauthenticated } from './credential.ts';
import type { Principal } from './credential.ts';
import { chain } from './maybe.ts';
import type { Maybe } from './maybe.ts';

/** What was let in at the door. */
export interface Standing {
  readonly scope: Pick<Scope, 'tenantId'>;
  readonly principal: Pick<Principal, 'verifyAgain'>;
}

export type Confirm = () => Maybe<Verdict<true>>;

/** The longest that a stream or job may go on without asking again (R22). */
export const maxUncheckedMs = 60_000;
const defaultEveryMs = 30_000;

/**
 * Asks again what the door asked: expiry and revocation of the credential, its membership, the tenant's state, its parents.
 * @returns refused: unauthenticated, tenant_inactive · @throws registry_stale (rejects)
 */
export function confirm(
  { scope, principal }: Standing,
  directory: Pick<TenantDirectory, 'peek' | 'byId'>,
): Maybe<Verdict<true>> {
  const id = scope.tenantId;
  return chain(principal.verifyAgain(), (verdict): Maybe<Verdict<true>> => {
    if (verdict.kind === 'refused' || !verdict.value.tenants.includes(id)) return unauthenticated;
    return chain(directory.peek(id) ?? directory.byId(id), (tenant) =>
      tenant === undefined ? unauthenticated : admitByState(tenant, directory),
    );
  });
}

/**
 * Asks again on a timer until disposed, and calls `ended` at most once: when the answer is no, or when there is none.
 * For long jobs: `using watch = watchStanding(() => path.confirm(entry), { ended: () => controller.abort() })`.
 */
export function watchStanding(
  ask: Confirm,
  options: { readonly everyMs?: number; readonly ended: (error: unknown) => void },
): Disposable {
  const everyMs = Math.min(options.everyMs ?? defaultEveryMs, maxUncheckedMs);
  let live = true;
  const end = (error: unknown): void => {
    if (!live) return;
    live = false;
    clearInterval(timer);
    options.ended(error);
  };
  const timer = setInterval(() => {
    void askOnce(ask).catch(end);
  }, everyMs);
  timer.unref();
  return {
    [Symbol.dispose]() {
      live = false;
      clearInterval(timer);
    },
  };
}

async function askOnce(ask: Confirm): Promise<void> {
  const verdict = await ask();
  if (verdict.kind === 'refused') throw toError(verdict);
}

/**
 * Passes a stream on for as long as the caller may have it; a silent stream is cut off as well as a busy one.
 * @throws unauthenticated, tenant_inactive, registry_stale in the middle of the stream
 */
export async function* whileStanding<Item>(
  source: AsyncIterable<Item>,
  ask: Confirm,
  options: { readonly everyMs?: number } = {},
): AsyncGenerator<Item, void, undefined> {
  const iterator = source[Symbol.asyncIterator]();
  let refusal: { readonly error: unknown } | undefined;
  let interrupt: ((error: unknown) => void) | undefined;
  using _watch = watchStanding(ask, {
    ...options,
    ended: (error) => {
      refusal = { error };
      interrupt?.(error);
    },
  });
  try {
    for (;;) {
      if (refusal !== undefined) throw refusal.error;
      // Not Promise.race: racing one long-lived promise against every item would keep a reaction per item alive.
      const next = await new Promise<IteratorResult<Item>>((resolve, reject) => {
        interrupt = reject;
        iterator.next().then(resolve, reject);
      });
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    // Not awaited: a generator stuck in its own await would hold the caller up for as long as it is stuck.
    void iterator.return?.().then(undefined, () => {});
  }
}
