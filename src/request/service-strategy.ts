import type { JsonWebKey } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../core/clock.ts';
import { allowed, type Verdict } from '../core/verdict.ts';
import type { Call } from './call.ts';
import { unauthenticated, type CredentialStrategy, type Principal } from './credential.ts';
import { isServiceToken, readServiceKeys, verifyServiceToken, type ServiceKeys } from './service-token.ts';

/** That calls of other services are taken, and by which keys they are checked. */
export interface ServiceReceiver {
  /** What this service is called; a token for another one is none. */
  readonly name: string;
  /** Asked at the first call, and again after a minute when a key is not known. For the own installation: `bulkhead.services.jwks`. */
  readonly keys: () => Promise<{ readonly keys: readonly JsonWebKey[] }>;
}

const maxSeen = 100_000;
/** Longer than a token is good for. */
const rememberedMs = 400_000;
const reloadAfterMs = 60_000;

/** Tokens of other services: signed, for this service, for the request they come with, and not seen before. */
export function createServiceStrategy(receiver: ServiceReceiver, clock: Clock): CredentialStrategy {
  const seen = new LRUCache<string, true>({ max: maxSeen, ttl: rememberedMs });
  const keys = new KeyRing(receiver, clock);

  const check = (token: string, ring: ServiceKeys, call: Call): Verdict<Principal> => {
    const claims = verifyServiceToken(token, { keys: ring, audience: receiver.name, nowMs: clock.nowMs() });
    if (claims === undefined || claims.requestId !== call.requestId || seen.has(claims.id))
      return unauthenticated;
    seen.set(claims.id, true);
    const principal: Principal = {
      kind: 'service',
      actor: claims.actor,
      tenants: [claims.tenant],
      key: undefined,
      // It was for this request, which goes on; the tenant's own standing is asked elsewhere.
      verifyAgain: () => allowed(principal),
    };
    return allowed(principal);
  };
  return {
    kind: 'service',
    recognises: isServiceToken,
    verify: async (token, call) => {
      const first = check(token, await keys.current(), call);
      return first.kind === 'allowed' || !(await keys.reload())
        ? first
        : check(token, await keys.current(), call);
    },
  };
}

/** The keys of those who may call; asked again for a token that none of them fits, but not for every one. */
class KeyRing {
  readonly #receiver: ServiceReceiver;
  readonly #clock: Clock;
  #loading: Promise<ServiceKeys> | undefined;
  #loadedMs = 0;

  constructor(receiver: ServiceReceiver, clock: Clock) {
    this.#receiver = receiver;
    this.#clock = clock;
  }

  current(): Promise<ServiceKeys> {
    this.#loading ??= this.#load();
    return this.#loading;
  }

  /** @returns whether there may be other keys now */
  async reload(): Promise<boolean> {
    if (this.#clock.monotonicMs() - this.#loadedMs < reloadAfterMs) return false;
    this.#loading = this.#load();
    await this.#loading;
    return true;
  }

  async #load(): Promise<ServiceKeys> {
    this.#loadedMs = this.#clock.monotonicMs();
    try {
      return readServiceKeys(await this.#receiver.keys());
    } catch (cause) {
      this.#loading = undefined;
      throw cause;
    }
  }
}
