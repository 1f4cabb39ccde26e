import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import { toRecordText, type ExportRecord } from '../../core/export-record.ts';
import type { CompartmentKind } from '../../core/placement.ts';
import { RecordHashes } from '../../core/record-hash.ts';
import type { Signer } from '../../registry/registry.ts';
import {
  names,
  signedPrefix,
  toPartName,
  type Head,
  type Manifest,
  type SetPart,
  type TenantPart,
} from './manifest.ts';
import { refused } from './refusal.ts';
import { endOfTar, fitsTarName, toTarHeader, toTarPadding } from './tar.ts';

/** Uncompressed characters of a part; a longer record is a part by itself. */
const partCharacters = 1_000_000;
/** What a reader takes at most for one part. */
export const maxPartBytes = 268_435_456;

const compress = promisify(gzip);

export interface ArchiveContent {
  readonly head: Head;
  readonly tenant: TenantPart;
  readonly compartments: readonly {
    readonly kind: CompartmentKind;
    records(): AsyncIterable<ExportRecord>;
  }[];
  readonly signer: Pick<Signer, 'publicKey' | 'sign'>;
  /** Told of records as they are written; throws to end the writing. */
  readonly wrote: (count: number) => void;
  readonly now: () => Date;
}

/** The bytes of an archive, made as they are read, in bounded memory. Returns the manifest. */
export async function* writeArchive(content: ArchiveContent): AsyncGenerator<Buffer, Manifest, undefined> {
  const { head } = content;
  const hash = createHash('sha256');
  const at = new Date(head.createdAt);
  const hashed = function* (name: string, body: Buffer): Generator<Buffer, void, undefined> {
    for (const bytes of toEntry(name, body, at)) {
      hash.update(bytes);
      yield bytes;
    }
  };
  yield* hashed(names.head, toJson(head));
  yield* hashed(names.tenant, toJson(content.tenant));
  const sets: SetPart[] = [];
  let parts = 0;
  for (const compartment of content.compartments) {
    const { kind } = compartment;
    const hashes = new RecordHashes();
    for await (const { set, lines, body } of compressed(toParts(compartment.records(), hashes))) {
      parts += 1;
      yield* hashed(toPartName({ compartment: kind, set, number: parts }), body);
      content.wrote(lines);
    }
    sets.push(...toSetParts(kind, hashes));
  }
  const manifest: Manifest = {
    head,
    sets,
    parts,
    sha256: hash.digest('hex'),
    completedAt: content.now().toISOString(),
  };
  const body = toJson(manifest);
  yield* toEntry(names.manifest, body, at);
  yield* toEntry(names.signature, toJson(sign(content.signer, body)), at);
  yield endOfTar;
  return manifest;
}

function* toEntry(name: string, body: Buffer, at: Date): Generator<Buffer, void, undefined> {
  if (!fitsTarName(name)) throw refused(`the name of a set is too long to be archived: ${name}`);
  yield toTarHeader({ name, sizeBytes: body.length }, at);
  yield body;
  yield toTarPadding(body.length);
}

function toJson(value: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
}

function sign(signer: ArchiveContent['signer'], manifest: Buffer): Readonly<Record<string, string>> {
  const signature = signer.sign(`${signedPrefix}${manifest.toString('utf8')}`);
  return { algorithm: 'Ed25519', publicKey: signer.publicKey, signature };
}

export function toSetParts(compartment: CompartmentKind, hashes: RecordHashes): readonly SetPart[] {
  const counts = hashes.counts();
  return Object.entries(hashes.result()).map(([set, hash]) => ({
    compartment,
    set,
    count: counts[set] ?? 0,
    hash,
  }));
}

interface Part {
  readonly set: string;
  readonly lines: string[];
}

async function* toParts(
  records: AsyncIterable<ExportRecord>,
  hashes: RecordHashes,
): AsyncGenerator<Part, void, undefined> {
  let part: Part | undefined;
  let characters = 0;
  for await (const record of records) {
    const text = toRecordText(record);
    if (text.length > maxPartBytes / 4)
      throw refused(`a record of ${record.set} is too large to be archived`);
    if (part !== undefined && (part.set !== record.set || characters + text.length > partCharacters)) {
      yield part;
      part = undefined;
    }
    if (part === undefined) {
      part = { set: record.set, lines: [] };
      characters = 0;
    }
    hashes.add(record);
    part.lines.push(text);
    characters += text.length + 1;
  }
  if (part !== undefined) yield part;
}

/** One part is compressed, on another thread, while the records of the next are read. */
async function* compressed(
  parts: AsyncIterable<Part>,
): AsyncGenerator<{ readonly set: string; readonly lines: number; readonly body: Buffer }, void, undefined> {
  let before: ReturnType<typeof compressPart> | undefined;
  for await (const part of parts) {
    const next = compressPart(part);
    // Awaited in the next round; a failure before that is not to end the process.
    next.catch(() => undefined);
    if (before !== undefined) yield await before;
    before = next;
  }
  if (before !== undefined) yield await before;
}

async function compressPart({ set, lines }: Part): Promise<{ set: string; lines: number; body: Buffer }> {
  const text = Buffer.from(`${lines.join('\n')}\n`);
  const body = await compress(text, { level: constants.Z_BEST_SPEED });
  return { set, lines: lines.length, body };
}
