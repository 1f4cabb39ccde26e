import { createCipheriv, createDecipheriv, hash } from 'node:crypto';
import { ByteReader } from './byte-reader.ts';
import { cutOff, damaged, refused } from './refusal.ts';
import { SealedHead, toFileKey } from './sealed-head.ts';

const pieceBytes = 65_536;
const tagBytes = 16;
const maxHeadBytes = 4_096;
const algorithm = 'aes-256-gcm';

/**
 * Text in pieces, each AES-256-GCM with a counter for nonce and a mark on the last one, so that pieces can be neither
 * swapped nor cut off (the STREAM construction, Hoang et al. 2015). Bound to the first line: tenant and file.
 */
export async function* sealBytes(
  bytes: AsyncIterable<Uint8Array>,
  head: SealedHead,
  key: Buffer,
): AsyncGenerator<Buffer, void, undefined> {
  const line = Buffer.from(`${JSON.stringify(head)}\n`);
  yield line;
  const cipher = new PieceCipher(toFileKey(key, head), line);
  await using reader = new ByteReader(bytes);
  let piece = await reader.takeUpTo(pieceBytes);
  for (;;) {
    const next = piece.length < pieceBytes ? undefined : await reader.takeUpTo(pieceBytes);
    const isLast = next === undefined || next.length === 0;
    yield cipher.seal(piece, isLast ? 'last' : 'more');
    if (isLast) return;
    piece = next;
  }
}

/** @returns the first line of a sealed file, or undefined where the file is not sealed; the bytes are all still to be read */
export async function readSealedHead(file: () => AsyncIterable<Uint8Array>): Promise<SealedHead | undefined> {
  await using reader = new ByteReader(file());
  return parseHead(await reader.takeUpTo(maxHeadBytes))?.head;
}

/** @throws archive_refused where a piece was altered, or is not the file's */
export async function* openSealed(
  bytes: AsyncIterable<Uint8Array>,
  key: Buffer,
): AsyncGenerator<Buffer, void, undefined> {
  await using reader = new ByteReader(bytes);
  const start = await reader.takeUpTo(maxHeadBytes);
  const parsed = parseHead(start);
  if (parsed === undefined) throw refused(damaged);
  const cipher = new PieceCipher(toFileKey(key, parsed.head), parsed.line);
  await using rest = new ByteReader(following(start.subarray(parsed.line.length), reader));
  let piece = await rest.takeUpTo(pieceBytes + tagBytes);
  for (;;) {
    if (piece.length < tagBytes) throw refused(cutOff);
    const next =
      piece.length < pieceBytes + tagBytes ? undefined : await rest.takeUpTo(pieceBytes + tagBytes);
    const isLast = next === undefined || next.length === 0;
    yield cipher.open(piece, isLast ? 'last' : 'more');
    if (isLast) return;
    piece = next;
  }
}

async function* following(start: Buffer, reader: ByteReader): AsyncGenerator<Buffer, void, undefined> {
  yield start;
  for (;;) {
    const chunk = await reader.takeUpTo(4 * pieceBytes);
    if (chunk.length === 0) return;
    yield chunk;
  }
}

function parseHead(start: Buffer): { readonly head: SealedHead; readonly line: Buffer } | undefined {
  const end = start.indexOf(0x0a);
  if (end === -1 || start[0] !== 0x7b) return undefined;
  const line = start.subarray(0, end + 1);
  try {
    const head = SealedHead.safeParse(JSON.parse(line.toString('utf8')));
    return head.success ? { head: head.data, line } : undefined;
  } catch {
    return undefined;
  }
}

class PieceCipher {
  readonly #key: Buffer;
  readonly #bound: Buffer;
  #number = 0n;

  constructor(key: Buffer, line: Buffer) {
    this.#key = key;
    this.#bound = hash('sha256', line, 'buffer');
  }

  seal(piece: Buffer, place: 'more' | 'last'): Buffer {
    const cipher = createCipheriv(algorithm, this.#key, this.#nonce(place), { authTagLength: tagBytes });
    cipher.setAAD(this.#bound);
    return Buffer.concat([cipher.update(piece), cipher.final(), cipher.getAuthTag()]);
  }

  open(sealed: Buffer, place: 'more' | 'last'): Buffer {
    const decipher = createDecipheriv(algorithm, this.#key, this.#nonce(place), { authTagLength: tagBytes });
    decipher.setAAD(this.#bound);
    decipher.setAuthTag(sealed.subarray(sealed.length - tagBytes));
    try {
      return Buffer.concat([decipher.update(sealed.subarray(0, sealed.length - tagBytes)), decipher.final()]);
    } catch {
      throw refused('a piece of it was altered, cut off, or belongs to another file');
    }
  }

  #nonce(place: 'more' | 'last'): Buffer {
    const nonce = Buffer.alloc(12);
    nonce.writeBigUInt64BE(this.#number, 3);
    nonce[11] = place === 'last' ? 1 : 0;
    this.#number += 1n;
    return nonce;
  }
}
