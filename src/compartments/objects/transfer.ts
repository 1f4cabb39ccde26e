import { z } from 'zod';
import type { ExportRecord, ImportReceipt } from '../../core/compartment.ts';
import { BulkheadError } from '../../core/errors.ts';
import { RecordHashes } from '../../core/record-hash.ts';
import type { BlobStore } from '../../drivers/blobs.ts';
import type { TenantBlobs } from './blobs-of.ts';
import { idOfKey, objectPrefixOf } from './container.ts';
import { blobsUnder } from './measure.ts';
import { parseObjectId, toObjectName } from './names.ts';

/** Content in one record; base64 makes it a third longer. */
const partBytes = 256 * 1024;

const firstShape = z.strictObject({
  name: z.string(),
  contentType: z.string(),
  metadata: z.record(z.string(), z.string()),
  sizeBytes: z.number().int().nonnegative(),
  sha256: z.string(),
  updatedAtMs: z.number().int(),
  parts: z.number().int().positive(),
  content: z.base64(),
});
const partShape = z.strictObject({
  name: z.string(),
  part: z.number().int().positive(),
  content: z.base64(),
});

/** Record sets: an object with its first part of content, then its other parts in order, then the next object. */
export const objectSet = 'object';
const partSet = 'object_part';

/** Every object of the placement in records of bounded size. Seal the tenant first where one instant matters. */
export async function* exportObjects(
  store: BlobStore,
  blobs: TenantBlobs,
): AsyncGenerator<ExportRecord, void, undefined> {
  for await (const { key } of blobsUnder(store, blobs.placement, objectPrefixOf(blobs.placement.tenant))) {
    const id = parseObjectId(idOfKey(key));
    const trailer = id === undefined ? undefined : await blobs.stat(id);
    if (id === undefined || trailer === undefined) continue;
    const { facts } = trailer;
    const parts = Math.max(1, Math.ceil(facts.sizeBytes / partBytes));
    let part = 0;
    for await (const piece of inParts(blobs.content(id, trailer))) {
      const content = piece.toString('base64');
      yield part === 0
        ? { set: objectSet, value: { ...facts, parts, content } }
        : { set: partSet, value: { name: facts.name, part, content } };
      part += 1;
    }
  }
}

async function* inParts(content: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, void, undefined> {
  let waiting: Uint8Array[] = [];
  let length = 0;
  let given = 0;
  for await (const piece of content) {
    waiting.push(piece);
    length += piece.length;
    if (length < partBytes) continue;
    const bytes = Buffer.concat(waiting);
    let at = 0;
    for (; bytes.length - at >= partBytes; at += partBytes) {
      yield bytes.subarray(at, at + partBytes);
      given += 1;
    }
    waiting = [bytes.subarray(at)];
    length = bytes.length - at;
  }
  if (length > 0 || given === 0) yield Buffer.concat(waiting);
}

/**
 * Writes exported objects; one that is there is replaced by an equal one, so that the step can be repeated.
 * @throws value_invalid for records that are incomplete, out of order, or whose content has another hash than they say
 */
export async function importObjects(
  blobs: TenantBlobs,
  records: AsyncIterable<ExportRecord>,
  maxBytes: number,
): Promise<ImportReceipt> {
  const hashes = new RecordHashes();
  const reader = records[Symbol.asyncIterator]();
  const next = async (): Promise<ExportRecord | undefined> => {
    const { value, done } = await reader.next();
    if (done === true) return undefined;
    hashes.add(value);
    return value;
  };
  for (let record = await next(); record !== undefined; record = await next()) {
    const first = firstShape.safeParse(record.value);
    if (record.set !== objectSet || !first.success) throw invalid('is not the beginning of an object');
    const { parts, content: firstContent, sizeBytes, sha256, ...given } = first.data;
    const content = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
      yield Buffer.from(firstContent, 'base64');
      for (let part = 1; part < parts; part += 1) {
        const more = partShape.safeParse((await next())?.value);
        if (!more.success || more.data.name !== given.name || more.data.part !== part)
          throw invalid(`lacks part ${part} of an object`);
        yield Buffer.from(more.data.content, 'base64');
      }
    };
    await blobs.write({
      given: { ...given, name: toObjectName(given.name) },
      content: content(),
      maxBytes,
      admit: async (facts) => {
        if (facts.sha256 !== sha256 || facts.sizeBytes !== sizeBytes)
          throw invalid('differs from its own hash');
      },
    });
  }
  return { imported: hashes.count, hashes: hashes.result() };
}

function invalid(reason: string): BulkheadError {
  return new BulkheadError('value_invalid', { field: 'record', reason });
}
