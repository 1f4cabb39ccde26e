import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../../core/clock.ts';
import { BulkheadError } from '../../core/errors.ts';
import { parseTenantId, type TenantId } from '../../core/ids.ts';
import { lengthPrefixed } from './length-prefixed.ts';
import { parseObjectId, toObjectName, type ObjectId } from './names.ts';

export const defaultUrlLifeS = 3_600;
export const maxUrlLifeS = 7 * 24 * 3_600;

/** What a URL shall allow. */
export interface UrlWish {
  readonly method: 'GET' | 'PUT';
  readonly name: string;
  /** Of an upload: what it must be sent as. */
  readonly contentType?: string | undefined;
  readonly maxBytes?: number | undefined;
  /** Default an hour, at most seven days. */
  readonly expiresInS?: number | undefined;
}

/** What a URL that somebody showed allows. Still to be admitted: a suspended tenant's URLs do nothing. */
export type VerifiedUrl = { readonly tenant: TenantId; readonly id: ObjectId } & (
  | { readonly method: 'GET' }
  | {
      readonly method: 'PUT';
      readonly name: string;
      readonly contentType: string | undefined;
      readonly maxBytes: number | undefined;
    }
);

export interface GrantedUrl {
  /** From the root of the server: `/v1/objects/signed/…`. */
  readonly path: string;
  readonly expiresAt: Date;
}

/** A URL as it was shown: nothing of it is believed yet. */
export interface UrlRequest {
  readonly method: string;
  readonly tenant: string;
  readonly object: string;
  readonly query: Readonly<Record<string, unknown>>;
}

export interface UrlKeys {
  signingKey(tenant: TenantId): Buffer;
  idOf(tenant: TenantId, name: ReturnType<typeof toObjectName>): ObjectId;
}

const parameters = ['expires', 'name', 'type', 'max', 'signature'] as const;

/** Everything a signature covers, in one order, each part with its length. HMAC-SHA-256, RFC 2104. */
function sign(
  key: Buffer,
  parts: { method: string; tenant: TenantId; object: ObjectId; expires: string; rest: readonly string[] },
): Buffer {
  const { method, tenant, object, expires, rest } = parts;
  const text = lengthPrefixed(['bulkhead signed url 1', method, tenant, object, expires, ...rest]);
  return createHmac('sha256', key).update(text).digest();
}

/** @throws value_invalid */
export function grantUrl(keys: UrlKeys, clock: Clock, ask: { tenant: TenantId; wish: UrlWish }): GrantedUrl {
  const { tenant, wish } = ask;
  const lifeS = wish.expiresInS ?? defaultUrlLifeS;
  if (!Number.isInteger(lifeS) || lifeS < 1 || lifeS > maxUrlLifeS)
    throw new BulkheadError('value_invalid', { field: 'expiresInS', reason: `must be 1 to ${maxUrlLifeS}` });
  const expiresAtS = Math.floor(clock.nowMs() / 1_000) + lifeS;
  const name = toObjectName(wish.name);
  const object = keys.idOf(tenant, name);
  // A download needs the id alone: the name is not for whoever reads URLs in a log.
  const rest =
    wish.method === 'PUT' ? [name, wish.contentType ?? '', wish.maxBytes?.toString() ?? ''] : ['', '', ''];
  const expires = `${expiresAtS}`;
  const signature = sign(keys.signingKey(tenant), { method: wish.method, tenant, object, expires, rest });
  const query = new URLSearchParams({ expires });
  for (const [index, parameter] of ['name', 'type', 'max'].entries())
    if (rest[index] !== undefined && rest[index] !== '') query.set(parameter, rest[index]);
  query.set('signature', signature.toString('base64url'));
  return {
    path: `/v1/objects/signed/${tenant}/${object}?${query.toString()}`,
    expiresAt: new Date(expiresAtS * 1_000),
  };
}

/** @throws signature_refused, alike for a tenant that never was, an altered part, another method and an expired URL */
export function verifyUrl(keys: UrlKeys, clock: Clock, request: UrlRequest): VerifiedUrl {
  const refused = new BulkheadError('signature_refused', {
    reason: 'the URL is not signed for this, or it has expired; ask for a new one',
  });
  const tenant = parseTenantId(request.tenant);
  const object = parseObjectId(request.object);
  const { query, method } = request;
  const unknown = Object.keys(query).some((name) => !parameters.some((known) => known === name));
  if (tenant === undefined || object === undefined || unknown) throw refused;
  const [expires = '', name = '', type = '', max = '', shown = ''] = parameters.map((parameter) => {
    const value = query[parameter] ?? '';
    // A parameter that stands twice comes as a list.
    if (typeof value !== 'string') throw refused;
    return value;
  });
  const expected = sign(keys.signingKey(tenant), {
    method,
    tenant,
    object,
    expires,
    rest: [name, type, max],
  });
  const given = Buffer.from(shown, 'base64url');
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) throw refused;
  if (Number(expires) * 1_000 <= clock.nowMs()) throw refused;
  if (method === 'GET') return { method, tenant, id: object };
  if (method !== 'PUT') throw refused;
  return {
    method,
    tenant,
    id: object,
    name,
    contentType: type === '' ? undefined : type,
    maxBytes: max === '' ? undefined : Number(max),
  };
}
