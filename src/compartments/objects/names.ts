import { BulkheadError } from '../../core/errors.ts';

declare const brand: unique symbol;
/** What a caller calls an object: up to 1,024 bytes of text, `/` between its parts. It never becomes part of a path. */
export type ObjectName = string & { readonly [brand]: 'ObjectName' };
/** Keyed hash of a tenant's name for an object: 64 hexadecimal digits. Stands in URLs and in storage keys. */
export type ObjectId = string & { readonly [brand]: 'ObjectId' };

const maxNameBytes = 1_024;
const OBJECT_ID = /^[0-9a-f]{64}$/;
/** Percent-encoded dots, slashes, backslashes, NUL, and the percent sign that hides one behind another decoding. */
const ENCODED = /%(?:2e|2f|5c|00|25)/i;
/** Control characters, direction marks and characters without width: they make two names look like one. */
const INVISIBLE = /[\p{Cc}\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/u;
/** Signs that look like `/` or `\`, and are neither after any normalisation. */
const SLASH_LIKE = /[\u2044\u2215\u2216\u29f5\u29f8\u29f9\ufe68\u{1735}\u{2571}]/u;

/**
 * The name in Unicode's form C.
 * @throws value_invalid saying what is wrong with it. Nothing is cleaned away: a name that would have to be is refused, because
 * removing `..` from `....//` leaves `../` (a well-known way round)
 */
export function toObjectName(raw: unknown): ObjectName {
  const problem = typeof raw === 'string' ? problemOf(raw) : 'must be text';
  if (problem !== undefined) throw new BulkheadError('value_invalid', { field: 'name', reason: problem });
  return (raw as string).normalize('NFC') as ObjectName;
}

function problemOf(raw: string): string | undefined {
  if (raw === '') return 'must not be empty';
  if (Buffer.byteLength(raw) > maxNameBytes) return `has more than ${maxNameBytes} bytes`;
  if (!raw.isWellFormed()) return 'is not well-formed Unicode';
  if (INVISIBLE.test(raw)) return 'has control or invisible characters';
  if (ENCODED.test(raw)) return 'has percent-encoded dots, slashes or percent signs';
  if (SLASH_LIKE.test(raw)) return 'has a sign that looks like a slash';
  // Compatibility forms too: a full-width `．．／` must not become a step upwards in whatever reads the name next.
  for (const form of [raw, raw.normalize('NFC'), raw.normalize('NFKC')]) {
    const problem = problemOfParts(form);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function problemOfParts(name: string): string | undefined {
  if (name.includes('\\')) return 'has a backslash';
  const parts = name.split('/');
  if (parts[0] === '' || parts.at(-1) === '') return 'begins or ends with a slash';
  if (parts.includes('')) return 'has an empty part';
  if (parts.some((part) => /^[.\s]+$/u.test(part))) return 'has a part that consists of dots or spaces';
  return undefined;
}

export function parseObjectId(raw: unknown): ObjectId | undefined {
  return typeof raw === 'string' && OBJECT_ID.test(raw) ? (raw as ObjectId) : undefined;
}
