import { createPublicKey, randomUUID, sign, verify, type JsonWebKey, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { parseRequestId, parseTenantId, type RequestId, type TenantId } from '../core/ids.ts';
import type { Actor } from '../core/scope.ts';

/** What one service tells another of a call: for whom, on whose behalf, to which service, as part of which request. */
export interface ServiceClaims {
  readonly issuer: string;
  /** The one service that may take it. */
  readonly audience: string;
  readonly tenant: TenantId;
  /** Who began the request, however many services ago. */
  readonly actor: Actor;
  readonly requestId: RequestId;
  /** Of this token alone: it is taken once. */
  readonly id: string;
  readonly issuedS: number;
  readonly expiresS: number;
}

export interface SigningKey {
  readonly id: string;
  readonly privateKey: KeyObject;
}

/** Public keys by id. */
export type ServiceKeys = ReadonlyMap<string, KeyObject>;

/** Long enough for a call to arrive; what it began may take longer. */
const lifetimeS = 60;
const maxLifetimeS = 300;
/** How far the clocks of two machines may be apart. */
const skewS = 5;
const prefix = 'bhs_';
const type = 'bulkhead-service+jwt';

const headerShape = z.object({ alg: z.literal('EdDSA'), typ: z.literal(type), kid: z.string() });
const payloadShape = z.object({
  iss: z.string().min(1),
  aud: z.string().min(1),
  tenant: z.string(),
  act: z.strictObject({ kind: z.enum(['key', 'user', 'operator', 'system']), id: z.string().min(1) }),
  request: z.string(),
  jti: z.string().min(16),
  iat: z.int(),
  exp: z.int(),
});

export function isServiceToken(text: string): boolean {
  return text.startsWith(prefix);
}

/** A JSON Web Token (RFC 7519) signed with Ed25519 (RFC 8037), behind our prefix, so that nothing else is taken for one. */
export function signServiceToken(
  key: SigningKey,
  claims: Omit<ServiceClaims, 'id' | 'issuedS' | 'expiresS'>,
  nowMs: number,
): string {
  const issuedS = Math.floor(nowMs / 1_000);
  const signed = [
    { alg: 'EdDSA', typ: type, kid: key.id },
    {
      iss: claims.issuer,
      aud: claims.audience,
      tenant: claims.tenant,
      act: claims.actor,
      request: claims.requestId,
      jti: randomUUID(),
      iat: issuedS,
      exp: issuedS + lifetimeS,
    },
  ]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  return `${prefix}${signed}.${sign(null, Buffer.from(signed), key.privateKey).toString('base64url')}`;
}

/** @returns undefined for whatever is not, word for word, a token of one of the keys, for this audience, at this time */
export function verifyServiceToken(
  token: string,
  {
    keys,
    audience,
    nowMs,
  }: { readonly keys: ServiceKeys; readonly audience: string; readonly nowMs: number },
): ServiceClaims | undefined {
  const [header, payload, signature, ...more] = token.slice(prefix.length).split('.');
  if (!isServiceToken(token) || header === undefined || payload === undefined || signature === undefined)
    return undefined;
  const kid = parsePart(headerShape, header)?.kid;
  const key = more.length > 0 || kid === undefined ? undefined : keys.get(kid);
  if (key?.asymmetricKeyType !== 'ed25519') return undefined;
  const isGenuine = verify(
    null,
    Buffer.from(`${header}.${payload}`),
    key,
    Buffer.from(signature, 'base64url'),
  );
  const claims = isGenuine ? toClaims(parsePart(payloadShape, payload)) : undefined;
  return claims?.audience === audience && isTimely(claims, nowMs / 1_000) ? claims : undefined;
}

function isTimely({ issuedS, expiresS }: ServiceClaims, nowS: number): boolean {
  return issuedS <= nowS + skewS && nowS < expiresS + skewS && expiresS - issuedS <= maxLifetimeS;
}

function toClaims(payload: z.output<typeof payloadShape> | undefined): ServiceClaims | undefined {
  const tenant = parseTenantId(payload?.tenant);
  const requestId = parseRequestId(payload?.request);
  if (payload === undefined || tenant === undefined || requestId === undefined) return undefined;
  const { iss: issuer, aud: audience, act: actor, jti: id, iat: issuedS, exp: expiresS } = payload;
  return { issuer, audience, tenant, actor, requestId, id, issuedS, expiresS };
}

function parsePart<Part>(shape: z.ZodType<Part>, encoded: string): Part | undefined {
  try {
    return shape.safeParse(JSON.parse(Buffer.from(encoded, 'base64url').toString('utf8'))).data;
  } catch {
    return undefined;
  }
}

/** Public keys as a JSON Web Key Set (RFC 7517). Keys of another kind than ours are left out. */
export function readServiceKeys(set: { readonly keys: readonly JsonWebKey[] }): ServiceKeys {
  const keys = new Map<string, KeyObject>();
  for (const jwk of set.keys) {
    const { kid, kty, crv } = jwk as { kid?: unknown; kty?: unknown; crv?: unknown };
    if (typeof kid !== 'string' || kty !== 'OKP' || crv !== 'Ed25519') continue;
    keys.set(kid, createPublicKey({ key: jwk, format: 'jwk' }));
  }
  return keys;
}
