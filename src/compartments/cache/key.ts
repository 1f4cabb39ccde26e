import { hash } from 'node:crypto';
import { BulkheadError } from '../../core/errors.ts';

/** A key in parts, such as `['docs', documentId]`. Parts are text of any kind; the first names what is kept. */
export type CacheKey = readonly [string, ...string[]];

const PLAIN = /^[A-Za-z0-9._~@-]+$/;
const plainBytes = new Set(
  Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~@-'),
);
const maxParts = 16;
const maxPartLength = 4_096;
/** Longer parts stand in the key as their SHA-256; `#` cannot come out of the encoding, so the two never meet. */
const maxEncodedLength = 160;

/**
 * The key's text below its tenant's prefix: parts encoded, with `:` between. Two lists of parts never have one text:
 * the encoding is injective and its output has no `:`, so the text falls into the same parts again.
 * @throws value_invalid for an empty part, half a surrogate pair, too much, or the name of a session
 */
export function toKey(parts: CacheKey): string {
  if (parts.length === 0 || parts.length > maxParts)
    throw invalidKey(`a key has between 1 and ${maxParts} parts`);
  if (isSessionKey(parts)) throw invalidKey('keys of the form user, …, session, … are those of sessions');
  return parts.map(encodePart).join(':');
}

export function toSessionKey(user: string, digest: string): string {
  return `user:${encodePart(user)}:session:${digest}`;
}

const SESSION = /^user:[^:]+:session(?::|$)/;

/** Whether the text of a key is a session's; they are not reached by patterns, nor exported. */
export function isSession(key: string): boolean {
  return SESSION.test(key);
}

function isSessionKey(parts: CacheKey): boolean {
  return parts[0] === 'user' && parts[2] === 'session';
}

/**
 * @param pattern such as `docs:*`: `:` between parts, `*` for any characters, everything else for itself
 * @returns the pattern as a store takes it: no sign of the tenant's text is left that means something there
 */
export function toPattern(pattern: string): string {
  if (pattern === '' || pattern.length > maxPartLength)
    throw invalidKey('a pattern has between 1 and 4,096 characters');
  return pattern
    .split(':')
    .map((part) =>
      part
        .split('*')
        .map((text) => (text === '' ? '' : encode(text)))
        .join('*'),
    )
    .join(':');
}

/** @throws value_invalid */
export function encodePart(part: string): string {
  if (typeof part !== 'string' || part === '' || part.length > maxPartLength)
    throw invalidKey(`a part of a key is text of 1 to ${maxPartLength} characters`);
  const encoded = encode(part);
  return encoded.length <= maxEncodedLength ? encoded : `#${hash('sha256', part)}`;
}

function encode(text: string): string {
  if (PLAIN.test(text)) return text;
  // Half a pair has no UTF-8; every such text would come out as the same one.
  if (!text.isWellFormed()) throw invalidKey('half a surrogate pair');
  let encoded = '';
  for (const byte of Buffer.from(text))
    encoded += plainBytes.has(byte)
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  return encoded;
}

function invalidKey(reason: string): BulkheadError {
  return new BulkheadError('value_invalid', { field: 'key', reason });
}
