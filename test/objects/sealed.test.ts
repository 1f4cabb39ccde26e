import { hash, randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { sealContent, unsealContent } from '../../src/compartments/objects/sealed-blob.ts';
import {
  footerBytes,
  headerBytes,
  readTrailer,
  segmentBytes,
  tagBytes,
  type BlobIdentity,
} from '../../src/compartments/objects/sealed-format.ts';
import { newTenantId } from '../../src/core/ids.ts';

const contentKey = randomBytes(32);
const identity: BlobIdentity = { tenant: newTenantId(), key: 'tenant/o/ab/abc' };
const given = { name: 'n', contentType: 'text/plain', metadata: { a: 'b' }, updatedAtMs: 7 };

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function seal(plain: Uint8Array, as = identity): Promise<Buffer> {
  const blob = sealContent({
    contentKey,
    identity: as,
    given,
    content: inPieces(plain, 10_007),
    maxBytes: 1_000_000,
    admit: async () => {},
    sealed: () => {},
  });
  return Buffer.concat(await Array.fromAsync(blob));
}

async function unseal(blob: Buffer, as = identity, key = contentKey): Promise<Buffer> {
  const trailer = readTrailer(key, { bytes: blob.subarray(-16_384), sizeBytes: blob.length }, as);
  return Buffer.concat(await Array.fromAsync(unsealContent(inPieces(blob, 9_973), trailer)));
}

describe('a sealed object', () => {
  test.each([0, 1, segmentBytes - 1, segmentBytes, segmentBytes + 1, 3 * segmentBytes, 300_001])(
    'of %d bytes is read as it was written, with its size and hash',
    async (size) => {
      const plain = randomBytes(size);
      const blob = await seal(plain);
      expect((await unseal(blob)).equals(plain)).toBe(true);
      const { facts } = readTrailer(
        contentKey,
        { bytes: blob.subarray(-16_384), sizeBytes: blob.length },
        identity,
      );
      expect(facts).toEqual({ ...given, sizeBytes: size, sha256: hash('sha256', plain) });
    },
  );

  test('shows nothing of name, type or content', async () => {
    const blob = await seal(Buffer.from('canary'.repeat(100)));
    expect(blob.includes('canary')).toBe(false);
    expect(blob.includes('text/plain')).toBe(false);
  });

  test('is different bytes each time it is written', async () => {
    expect((await seal(Buffer.from('x'))).equals(await seal(Buffer.from('x')))).toBe(false);
  });

  test('does not open with any one byte altered', async () => {
    const blob = await seal(randomBytes(segmentBytes + 50));
    const places = [
      0,
      4,
      5,
      20,
      22,
      53,
      59,
      headerBytes,
      headerBytes + 70,
      headerBytes + segmentBytes + tagBytes + 3,
    ];
    const ends = [1, 5, footerBytes, footerBytes + 1, footerBytes + 40, footerBytes + 200].map(
      (n) => blob.length - n,
    );
    for (const at of [...places, ...ends]) {
      const altered = Buffer.from(blob);
      altered[at] = (altered[at] ?? 0) ^ 1;
      await expect(unseal(altered), `byte ${at}`).rejects.toMatchObject({
        code: expect.stringMatching(/object_damaged|foreign_row|operation_in_progress/),
      });
    }
  });

  test('does not open with a segment cut out, repeated or exchanged', async () => {
    const blob = await seal(randomBytes(4 * segmentBytes));
    const sealed = segmentBytes + tagBytes;
    const segment = (n: number): Buffer =>
      blob.subarray(headerBytes + n * sealed, headerBytes + (n + 1) * sealed);
    const [head, tail] = [blob.subarray(0, headerBytes), blob.subarray(headerBytes + 4 * sealed)];
    const orders = [[0, 1, 3], [1, 0, 2, 3], [0, 1, 1, 3], [0, 1, 2, 3, 3], [3], [0, 1, 2]];
    expect((await unseal(Buffer.concat([head, ...[0, 1, 2, 3].map(segment), tail]))).length).toBe(
      4 * segmentBytes,
    );
    for (const order of orders)
      await expect(unseal(Buffer.concat([head, ...order.map(segment), tail]))).rejects.toMatchObject({
        code: 'object_damaged',
      });
  });

  test('does not open under another name, nor for another tenant, nor with another key', async () => {
    const blob = await seal(Buffer.from('secret'));
    await expect(unseal(blob, { ...identity, key: 'tenant/o/ab/abd' })).rejects.toMatchObject({
      code: 'object_damaged',
    });
    await expect(unseal(blob, { ...identity, tenant: newTenantId() })).rejects.toMatchObject({
      code: 'foreign_row',
    });
    await expect(unseal(blob, identity, randomBytes(32))).rejects.toMatchObject({ code: 'object_damaged' });
  });

  test('is refused while it is written when it grows too large', async () => {
    const blob = sealContent({
      contentKey,
      identity,
      given,
      content: inPieces(randomBytes(2_000), 100),
      maxBytes: 1_999,
      admit: async () => {},
      sealed: () => {},
    });
    await expect(Array.fromAsync(blob)).rejects.toMatchObject({ code: 'body_too_large' });
  });
});
