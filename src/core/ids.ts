import { randomBytes, randomFillSync, randomUUID } from 'node:crypto';

declare const brand: unique symbol;
type Branded<T, Name extends string> = T & { readonly [brand]: Name };

/** Random UUID (version 4): never sequential, never reused. */
export type TenantId = Branded<string, 'TenantId'>;
/** Human name in URLs and subdomains: 3-48 of a-z, 0-9 and inner hyphens. Unique, and never given out twice. */
export type Slug = Branded<string, 'Slug'>;
/** UUID version 7 of a row. */
export type RowId = Branded<string, 'RowId'>;
export type RequestId = Branded<string, 'RequestId'>;
/** Public part of an API key: 16 characters of Crockford base 32. */
export type KeyId = Branded<string, 'KeyId'>;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const SLUG = /^[a-z0-9](?:[a-z0-9-]{1,46})[a-z0-9]$/;
const REQUEST_ID = /^[A-Za-z0-9._-]{8,64}$/;
const KEY_ID = /^[0-9a-hjkmnp-tv-z]{16}$/;

/** Names that would shadow a part of the product's own address space. */
const reservedSlugs: ReadonlySet<string> = new Set([
  'admin',
  'api',
  'app',
  'assets',
  'auth',
  'billing',
  'blog',
  'bulkhead',
  'cdn',
  'console',
  'control',
  'dashboard',
  'docs',
  'ftp',
  'health',
  'help',
  'internal',
  'login',
  'mail',
  'me',
  'metrics',
  'null',
  'operator',
  'public',
  'root',
  'shared',
  'smtp',
  'static',
  'status',
  'support',
  'system',
  'template',
  'tenant',
  'tenants',
  'test-tenant',
  'undefined',
  'v1',
  'webhook',
  'webhooks',
  'www',
]);

export function parseTenantId(raw: unknown): TenantId | undefined {
  return typeof raw === 'string' && UUID.test(raw) ? (raw as TenantId) : undefined;
}

export function parseRowId(raw: unknown): RowId | undefined {
  return typeof raw === 'string' && UUID.test(raw) ? (raw as RowId) : undefined;
}

/** @returns the slug, or undefined where the text is malformed; punycode (`xn--`) is refused so that no look-alike gets in. */
export function parseSlug(raw: unknown): Slug | undefined {
  if (typeof raw !== 'string' || !SLUG.test(raw) || raw.includes('--')) return undefined;
  return parseTenantId(raw) === undefined ? (raw as Slug) : undefined;
}

export function isReservedSlug(slug: string): boolean {
  return reservedSlugs.has(slug);
}

export function parseRequestId(raw: unknown): RequestId | undefined {
  return typeof raw === 'string' && REQUEST_ID.test(raw) ? (raw as RequestId) : undefined;
}

export function parseKeyId(raw: unknown): KeyId | undefined {
  return typeof raw === 'string' && KEY_ID.test(raw) ? (raw as KeyId) : undefined;
}

export function newTenantId(): TenantId {
  return randomUUID() as TenantId;
}

export function newRequestId(): RequestId {
  return newUuid7() as unknown as RequestId;
}

const BASE32 = '0123456789abcdefghjkmnpqrstvwxyz';

export function newKeyId(): KeyId {
  return Array.from(randomBytes(16), (byte) => BASE32[byte & 31]).join('') as KeyId;
}

const random = new Uint8Array(16 * 256);
let used = random.length;
const hex = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

let lastMs = 0;
let counter = 0;

/** The next of 12 bits within a millisecond. It starts at random in the lower half, and goes round where it overflows. */
function nextWithin(ms: number, seed: number): number {
  counter = ms === lastMs ? (counter + 1) & 0xfff : seed & 0x7ff;
  lastMs = ms;
  return counter;
}

/**
 * UUID version 7: 48 bits of Unix milliseconds, a counter of 12 bits, so that those one process makes in a millisecond are
 * in the order of their making, and 62 random bits. (RFC 9562, sections 5.7 and 6.2, method 1)
 */
export function newUuid7(nowMs = Date.now()): RowId {
  if (used === random.length) {
    randomFillSync(random);
    used = 0;
  }
  const byte = (index: number): string => hex[random[used + index] ?? 0] ?? '00';
  const time = nowMs.toString(16).padStart(12, '0');
  const within = nextWithin(nowMs, ((random[used + 6] ?? 0) << 8) | (random[used + 7] ?? 0));
  const version = hex[0x70 | (within >> 8)] ?? '70';
  const variant = hex[0x80 | ((random[used + 8] ?? 0) & 0x3f)] ?? '80';
  const id = `${time.slice(0, 8)}-${time.slice(8)}-${version}${hex[within & 0xff] ?? '00'}-${variant}${byte(9)}-${byte(10)}${byte(11)}${byte(12)}${byte(13)}${byte(14)}${byte(15)}`;
  used += 16;
  return id as RowId;
}
