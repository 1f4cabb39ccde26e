import type { KeyId, TenantId } from '../core/ids.ts';
import type { Actor } from '../core/scope.ts';
import { allowed, refused } from '../core/verdict.ts';
import type { Verdict } from '../core/verdict.ts';
import type { ApiKey, KeyStore } from '../registry/registry.ts';
import type { Call, CallHeaders } from './call.ts';
import { chain } from './maybe.ts';
import type { Maybe } from './maybe.ts';

/**
 * Ways to prove who calls. JWT becomes another member here and another `CredentialStrategy`; nothing else changes.
 * A signed URL is no strategy: it is verified where its routes are, and opens those alone.
 */
export type CredentialKind = 'api_key' | 'service' | 'signed_url';

/** Who a credential proves the caller to be, and the tenants that it may act for. */
export interface Principal {
  readonly kind: CredentialKind;
  readonly actor: Actor;
  readonly tenants: readonly TenantId[];
  /** The key's id and name where the credential is a key; for the caller's own eyes. */
  readonly key:
    | { readonly id: KeyId; readonly name: string; readonly expiresAt: Date | undefined }
    | undefined;
  /** Whether the credential would be accepted again now: expiry, revocation, membership. */
  verifyAgain(): Maybe<Verdict<Principal>>;
}

export interface CredentialStrategy {
  readonly kind: CredentialKind;
  /** By form alone: no I/O, and no two strategies recognise the same text. */
  recognises(secret: string): boolean;
  /** @param call the request it came with */
  verify(secret: string, call: Call): Maybe<Verdict<Principal>>;
}

export function createApiKeyStrategy(keys: Pick<KeyStore, 'verify'>): CredentialStrategy {
  const verify = (secret: string): Maybe<Verdict<Principal>> =>
    chain(keys.verify(secret), (verdict) =>
      verdict.kind === 'allowed' ? allowed(toPrincipal(verdict.value, () => verify(secret))) : verdict,
    );
  return { kind: 'api_key', recognises: (secret) => secret.startsWith('bh_'), verify };
}

function toPrincipal(key: ApiKey, verifyAgain: Principal['verifyAgain']): Principal {
  return { kind: 'api_key', actor: { kind: 'key', id: key.id }, tenants: [key.tenant], key, verifyAgain };
}

/** The same answer whatever was wrong with the credential, so that it tells nothing about which part was right. */
export const unauthenticated: Verdict<never> = Object.freeze(
  refused('unauthenticated', { hint: 'send an API key as Authorization: Bearer or X-API-Key' }),
);

const TOKEN = /^[A-Za-z0-9._~+/=-]{1,4096}$/;

/** @returns the one secret the request shows; refused where there is none, or where two headers show different ones */
export function readSecret(headers: CallHeaders): Verdict<string> {
  const bearer = headers.authorization;
  const apiKey = headers['x-api-key'];
  if (bearer === undefined && apiKey === undefined) return unauthenticated;
  const fromBearer = bearer === undefined ? undefined : parseBearer(bearer);
  if (bearer !== undefined && apiKey !== undefined && fromBearer !== apiKey)
    return refused('request_invalid', {
      field: 'x-api-key',
      reason: 'two headers show different credentials',
    });
  const secret = bearer === undefined ? apiKey : fromBearer;
  return secret !== undefined && TOKEN.test(secret) ? allowed(secret) : unauthenticated;
}

/** The token of an `Authorization` header, or undefined where its scheme is another one. */
export function parseBearer(authorization: string): string | undefined {
  // RFC 9110: scheme names have no case.
  return authorization.length > 7 && authorization.slice(0, 7).toLowerCase() === 'bearer '
    ? authorization.slice(7).trim()
    : undefined;
}
