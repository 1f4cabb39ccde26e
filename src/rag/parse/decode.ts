import { BulkheadError } from '../../core/errors.ts';

/** Windows-1252 has no character there; nor has any text in Latin-1. */
const UNUSED = new Set([0x81, 0x8d, 0x8f, 0x90, 0x9d]);
const sampleBytes = 64 * 1024;

/**
 * Text of a file whose encoding nobody said: by its byte order mark, as UTF-8, as UTF-16, or as Windows-1252, which Latin-1 is
 * part of. What fits none of them is refused: wrong letters would be indexed and never found.
 * @param charset as a content type names it; believed where the bytes allow it
 * @throws encoding_unknown
 */
export function decodeText(bytes: Uint8Array, charset?: string): string {
  const marked = fromMark(bytes);
  if (marked !== undefined) return decode(bytes, marked);
  if (charset !== undefined) return decode(bytes, toKnown(charset));
  const utf8 = tryDecode(bytes, 'utf-8');
  if (utf8 !== undefined && !hasNul(bytes)) return utf8;
  const sixteen = looksLikeUtf16(bytes);
  if (sixteen !== undefined) return decode(bytes, sixteen);
  if (looksLikeLatin(bytes)) return decode(bytes, 'windows-1252');
  throw unknown('it is neither UTF-8 nor UTF-16 nor Latin-1; save it as UTF-8');
}

function fromMark(bytes: Uint8Array): string | undefined {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return 'utf-8';
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  return undefined;
}

function toKnown(charset: string): string {
  const name = charset.trim().toLowerCase();
  if (name === 'us-ascii' || name === 'ascii') return 'utf-8';
  if (name === 'iso-8859-1' || name === 'latin1') return 'windows-1252';
  try {
    return new TextDecoder(name).encoding;
  } catch {
    throw unknown('its content type names an encoding that does not exist');
  }
}

function decode(bytes: Uint8Array, encoding: string): string {
  const text = tryDecode(bytes, encoding);
  if (text === undefined) throw unknown(`it is not the ${encoding} it says it is`);
  return text;
}

function tryDecode(bytes: Uint8Array, encoding: string): string | undefined {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function hasNul(bytes: Uint8Array): boolean {
  return bytes.includes(0);
}

/** Text in letters of one byte has a NUL in every other place, and in those alone. */
function looksLikeUtf16(bytes: Uint8Array): string | undefined {
  if (bytes.length < 4 || bytes.length % 2 !== 0) return undefined;
  const nuls = [0, 0];
  const end = Math.min(bytes.length, sampleBytes);
  for (let at = 0; at < end; at += 1) if (bytes[at] === 0) nuls[at % 2] = (nuls[at % 2] ?? 0) + 1;
  const [even = 0, odd = 0] = nuls.map((count) => count / (end / 2));
  if (odd > 0.3 && even < 0.05) return 'utf-16le';
  if (even > 0.3 && odd < 0.05) return 'utf-16be';
  return undefined;
}

/** A language in Latin letters: no control characters, and accented letters among many plain ones, not in rows of their own. */
function looksLikeLatin(bytes: Uint8Array): boolean {
  let letters = 0;
  let high = 0;
  let strange = 0;
  const end = Math.min(bytes.length, sampleBytes);
  for (let at = 0; at < end; at += 1) {
    const byte = bytes[at] ?? 0;
    if ((byte < 0x20 && byte !== 9 && byte !== 10 && byte !== 12 && byte !== 13) || byte === 0x7f)
      return false;
    if (UNUSED.has(byte)) return false;
    if ((byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a)) letters += 1;
    if (byte >= 0xc0) high += 1;
    if (byte >= 0x80 && byte < 0xc0) strange += 1;
  }
  return high + strange <= letters * 0.25 && strange <= Math.max(2, letters * 0.05);
}

function unknown(reason: string): BulkheadError {
  return new BulkheadError('encoding_unknown', { field: 'content', reason });
}
