import { createHash } from 'node:crypto';
import { BulkheadError } from '../../core/errors.ts';
import {
  damaged,
  headerBytes,
  segmentBytes,
  Segments,
  tagBytes,
  type BlobIdentity,
  type ObjectFacts,
  type Trailer,
} from './sealed-format.ts';

/** Facts that are known before the content is. */
export type GivenFacts = Omit<ObjectFacts, 'sizeBytes' | 'sha256'>;

export interface Sealing {
  readonly contentKey: Uint8Array;
  readonly identity: BlobIdentity;
  readonly given: GivenFacts;
  readonly content: AsyncIterable<Uint8Array>;
  readonly maxBytes: number;
  /** Asked when all content is there and nothing is visible yet. What it throws makes the write undone. */
  readonly admit: (facts: ObjectFacts) => Promise<void>;
  /** Told the facts when the last byte was handed over. */
  readonly sealed: (facts: ObjectFacts) => void;
}

/** The bytes of a blob, made while the content comes in; one segment is held at a time. @throws body_too_large, and what `admit` throws */
export async function* sealContent(sealing: Sealing): AsyncGenerator<Uint8Array, void, undefined> {
  const segments = Segments.begin(sealing.contentKey, sealing.identity);
  const hash = createHash('sha256');
  let sizeBytes = 0;
  let number = 0;
  let waiting = Buffer.alloc(0);
  yield segments.header;
  for await (const piece of sealing.content) {
    sizeBytes += piece.length;
    if (sizeBytes > sealing.maxBytes) throw tooLarge(sealing.maxBytes);
    hash.update(piece);
    waiting = waiting.length === 0 ? Buffer.from(piece) : Buffer.concat([waiting, piece]);
    // The last segment is marked as such, so one that may be the last is kept back.
    let at = 0;
    for (; waiting.length - at > segmentBytes; at += segmentBytes)
      yield segments.seal(waiting.subarray(at, at + segmentBytes), number++, 'middle');
    waiting = waiting.subarray(at);
  }
  yield segments.seal(waiting, number, 'last');
  const facts = { ...sealing.given, sizeBytes, sha256: hash.digest('hex') };
  await sealing.admit(facts);
  yield segments.sealFacts(facts);
  sealing.sealed(facts);
}

/** The content of a blob, each segment verified before it is given out. @throws object_damaged */
export async function* unsealContent(
  body: AsyncIterable<Uint8Array>,
  trailer: Trailer,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { segments, contentEnd, facts } = trailer;
  const sealedBytes = segmentBytes + tagBytes;
  let number = 0;
  let left = contentEnd - headerBytes;
  let given = 0;
  for await (const sealed of inPieces(body, { contentEnd, sealedBytes, header: segments.header })) {
    left -= sealed.length;
    const plain = segments.unseal(sealed, number++, left === 0 ? 'last' : 'middle');
    given += plain.length;
    yield plain;
  }
  if (left !== 0 || given !== facts.sizeBytes) throw damaged('it is cut off');
}

/** The sealed segments between header and trailer. */
async function* inPieces(
  body: AsyncIterable<Uint8Array>,
  want: { readonly contentEnd: number; readonly sealedBytes: number; readonly header: Buffer },
): AsyncGenerator<Buffer, void, undefined> {
  let waiting = Buffer.alloc(0);
  let position = 0;
  let headerRead = false;
  for await (const bytes of body) {
    const usable = Math.max(0, Math.min(bytes.length, want.contentEnd - position));
    position += bytes.length;
    if (usable === 0) continue;
    waiting = Buffer.concat([waiting, bytes.subarray(0, usable)]);
    if (!headerRead) {
      if (waiting.length < headerBytes) continue;
      // Another header than the trailer's: the object was replaced between the two reads.
      if (!waiting.subarray(0, headerBytes).equals(want.header)) throw replaced();
      headerRead = true;
      waiting = waiting.subarray(headerBytes);
    }
    let at = 0;
    for (; waiting.length - at >= want.sealedBytes; at += want.sealedBytes)
      yield waiting.subarray(at, at + want.sealedBytes);
    waiting = waiting.subarray(at);
  }
  if (!headerRead) throw damaged('it is cut off');
  if (waiting.length > 0) yield waiting;
}

function replaced(): BulkheadError {
  return new BulkheadError('operation_in_progress', {
    reason: 'the object was replaced while it was read; read it again',
  });
}

function tooLarge(limit: number): BulkheadError {
  return new BulkheadError('body_too_large', {
    limit,
    reason: `an object has at most ${limit} bytes; split it, or ask for a higher BULKHEAD_OBJECT_LIMIT_BYTES`,
  });
}
