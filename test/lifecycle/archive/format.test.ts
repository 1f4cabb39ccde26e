import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { TextRecord, type ExportRecord } from '../../../src/core/export-record.ts';
import { newTenantId, newUuid7 } from '../../../src/core/ids.ts';
import { toCanonicalJson } from '../../../src/core/canonical-json.ts';
import { parsePartName, toPartName, type Head } from '../../../src/lifecycle/archive/manifest.ts';
import { readRecords, verifyArchive } from '../../../src/lifecycle/archive/read.ts';
import { openSealed, readSealedHead, sealBytes } from '../../../src/lifecycle/archive/seal.ts';
import { toPassphraseSecret, toSealedHead, stretch } from '../../../src/lifecycle/archive/sealed-head.ts';
import { writeArchive } from '../../../src/lifecycle/archive/write.ts';
import type { Signer } from '../../../src/registry/registry.ts';
import { createSigner } from '../../../src/registry/signer.ts';

const newSigner = (): Signer => createSigner(randomBytes(32));
const signer = newSigner();
const trust = { own: signer, others: [] };
const tenant = newTenantId();

const head: Head = {
  format: 'bulkhead-archive',
  formatVersion: 1,
  bulkhead: '0.0.0',
  id: newUuid7(),
  tenant,
  slug: 'acme',
  createdAt: new Date().toISOString(),
  schema: { rows: 'bulkhead/1' },
};

const records: readonly ExportRecord[] = [
  ...Array.from({ length: 300 }, (_, index) => ({
    set: 'documents',
    value: { id: newUuid7(), content: `${index} `.repeat(20) },
  })),
  { set: 'odd name/../x', value: { id: '1' } },
  ...Array.from({ length: 3 }, () => ({ set: 'documents', value: { id: newUuid7(), content: null } })),
];

interface Variation {
  readonly head?: Partial<Head>;
  readonly records?: readonly ExportRecord[];
  readonly signer?: Signer;
}

async function write(variation: Variation = {}): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const bytes = writeArchive({
    head: { ...head, ...variation.head },
    tenant: { name: 'Acme', plan: 'pro', isolation: 'shared', region: null, features: [], settings: {} },
    compartments: [
      {
        kind: 'rows',
        records: async function* () {
          yield* variation.records ?? records;
        },
      },
    ],
    signer: variation.signer ?? signer,
    wrote: () => {},
    now: () => new Date(),
  });
  for await (const chunk of bytes) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** In pieces of odd sizes, as a network delivers. */
function fileOf(bytes: Buffer): { open(): AsyncIterable<Uint8Array> } {
  return {
    async *open() {
      for (let at = 0; at < bytes.length; at += 1_777) yield bytes.subarray(at, at + 1_777);
    },
  };
}

async function join(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

const reasonOf = async (bytes: Buffer): Promise<string> => {
  try {
    await verifyArchive(fileOf(bytes), trust);
  } catch (cause) {
    expect(cause).toMatchObject({ code: 'archive_refused' });
    return (cause as Error).message;
  }
  return 'accepted';
};

describe('an archive', () => {
  test('gives back every record in its order, with counts and hashes in its manifest', async () => {
    const file = fileOf(await write());
    const { manifest, publicKey } = await verifyArchive(file, trust);
    expect(publicKey).toBe(signer.publicKey);
    expect(manifest.sets.map(({ set, count }) => [set, count])).toEqual([
      ['documents', 303],
      ['odd name/../x', 1],
    ]);
    const found: ExportRecord[] = [];
    for await (const record of readRecords(file, 'rows')) found.push(record);
    expect(found.map(({ set, value }) => ({ set, value }))).toEqual(records);
  });

  test('with nothing in it is an archive too', async () => {
    const { manifest } = await verifyArchive(fileOf(await write({ records: [] })), trust);
    expect(manifest.sets).toEqual([]);
  });

  test('is refused with any single byte altered', async () => {
    const bytes = await write();
    const places = Array.from({ length: 200 }, () => Math.floor(Math.random() * bytes.length));
    // The signature is the one thing that no sum stands for: each byte of it, and of the head before it.
    const signed = Array.from({ length: 1_024 }, (_, index) => bytes.length - 2_048 + index);
    for (const place of [0, 130, 600, bytes.length - 1, ...signed, ...places]) {
      const altered = Buffer.from(bytes);
      altered[place] = (altered[place] ?? 0) ^ 0x01;
      expect(await reasonOf(altered), `byte ${place} of ${bytes.length}`).not.toBe('accepted');
    }
  });

  test('is refused when it is cut off anywhere, or followed by anything', async () => {
    const bytes = await write();
    for (const length of [0, 1, 511, 512, 1_000, bytes.length - 1_024, bytes.length - 512, bytes.length - 1])
      expect(await reasonOf(bytes.subarray(0, length)), `${length} bytes`).toMatch(/cut off|damaged/);
    expect(await reasonOf(Buffer.concat([bytes, Buffer.alloc(512)]))).toContain('damaged');
  });

  test('of another installation is refused, and taken where its key is trusted', async () => {
    const other = newSigner();
    const bytes = await write({ signer: other });
    expect(await reasonOf(bytes)).toContain('not trusted');
    const { publicKey } = await verifyArchive(fileOf(bytes), { own: signer, others: [other.publicKey] });
    expect(publicKey).toBe(other.publicKey);
  });

  test('whose signature is somebody else’s under a trusted name is refused', async () => {
    const forged: Signer = { ...newSigner(), publicKey: signer.publicKey };
    const bytes = await write({ signer: forged });
    expect(await reasonOf(bytes)).toContain('damaged');
    const elsewhere = { own: newSigner(), others: [signer.publicKey] };
    await expect(verifyArchive(fileOf(bytes), elsewhere)).rejects.toThrow('damaged');
  });

  test('of a newer format is refused, and says so', async () => {
    expect(await reasonOf(await write({ head: { formatVersion: 2 } }))).toContain('in format 2');
  });

  test('with another tenant’s id in a record is refused', async () => {
    const foreign = new TextRecord('documents', toCanonicalJson({ id: '1', tenant_id: newTenantId() }));
    expect(await reasonOf(await write({ records: [foreign] }))).toContain('another tenant');
    const own = new TextRecord('documents', toCanonicalJson({ id: '1', tenant_id: tenant }));
    expect(await reasonOf(await write({ records: [own] }))).toBe('accepted');
    const spoken = new TextRecord('documents', toCanonicalJson({ content: 'about "tenant_id": yes' }));
    expect(await reasonOf(await write({ records: [spoken] }))).toBe('accepted');
  });

  test('that is something else is refused', async () => {
    expect(await reasonOf(gzipSync('hello'))).toMatch(/cut off|damaged/);
    expect(await reasonOf(randomBytes(5_000))).toContain('damaged');
    expect(await reasonOf(Buffer.alloc(1_024))).toContain('cut off');
  });
});

test.each([
  '../rows/documents/00000001.jsonl.gz',
  '/rows/documents/00000001.jsonl.gz',
  'rows/../documents/00000001.jsonl.gz',
  'rows/documents/1.jsonl.gz',
  'rows/do%63uments/00000001.jsonl.gz',
  'nothing/documents/00000001.jsonl.gz',
  'rows/documents/00000001.jsonl',
])('%s is no name of a part', (name) => {
  expect(parsePartName(name)).toBeUndefined();
});

test('a part’s name is read as it was written', () => {
  const part = { compartment: 'rows', set: 'a/b ü.%', number: 7 } as const;
  expect(parsePartName(toPartName(part))).toEqual(part);
});

describe('a sealed file', () => {
  const id = newUuid7();

  test('is opened with its passphrase alone', async () => {
    const secret = await toPassphraseSecret('a long enough phrase');
    const sealedHead = toSealedHead(secret, { tenant, id });
    const sealed = await join(sealBytes(fileOf(Buffer.from('text')).open(), sealedHead, secret.key));
    const file = fileOf(sealed);
    const found = await readSealedHead(() => file.open());
    expect(found).toEqual(sealedHead);
    if (found?.key.kind !== 'passphrase') throw new Error('sealed with something else');
    const right = await stretch('a long enough phrase', found.key);
    expect((await join(openSealed(file.open(), right))).toString()).toBe('text');
    const wrong = await stretch('another phrase', found.key);
    await expect(join(openSealed(file.open(), wrong))).rejects.toMatchObject({ code: 'archive_refused' });
  });

  test.each([0, 1, 65_535, 65_536, 65_537, 200_000])('of %s bytes gives them back', async (size) => {
    const text = randomBytes(size);
    const key = randomBytes(32);
    const sealedHead = toSealedHead({ key, how: { kind: 'tenant' } }, { tenant, id });
    const sealed = await join(sealBytes(fileOf(text).open(), sealedHead, key));
    expect(sealed.includes(text.subarray(0, 32)) && size > 32).toBe(false);
    expect(await join(openSealed(fileOf(sealed).open(), key))).toEqual(text);
  });

  test('is refused when a piece is missing, swapped or altered, or its first line is another’s', async () => {
    const key = randomBytes(32);
    const secret = { key, how: { kind: 'tenant' } } as const;
    const line = (about: { tenant: typeof tenant; id: string }) => toSealedHead(secret, about);
    const text = randomBytes(3 * 65_536 + 10);
    const mine = line({ tenant, id });
    const sealed = await join(sealBytes(fileOf(text).open(), mine, key));
    const start = JSON.stringify(mine).length + 1;
    const piece = 65_536 + 16;
    const part = (index: number): Buffer =>
      sealed.subarray(start + index * piece, start + (index + 1) * piece);
    const first = sealed.subarray(0, start);
    const another = Buffer.from(`${JSON.stringify({ ...mine, tenant: newTenantId() })}\n`);
    const broken = {
      'the last piece is missing': Buffer.concat([first, part(0), part(1), part(2)]),
      'half a piece is missing': sealed.subarray(0, sealed.length - 5),
      'two pieces are swapped': Buffer.concat([first, part(1), part(0), part(2), part(3)]),
      'the first line is another’s': Buffer.concat([another, sealed.subarray(start)]),
      'all pieces are missing': first,
    };
    for (const [what, bytes] of Object.entries(broken))
      await expect(join(openSealed(fileOf(bytes).open(), key)), what).rejects.toMatchObject({
        code: 'archive_refused',
      });
    expect(await join(openSealed(fileOf(sealed).open(), key))).toEqual(text);
  });
});
