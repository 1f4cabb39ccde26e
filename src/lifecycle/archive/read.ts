import { createHash, createPublicKey, verify } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { z } from 'zod';
import { TextRecord, type ExportRecord } from '../../core/export-record.ts';
import type { CompartmentKind } from '../../core/placement.ts';
import { RecordHashes } from '../../core/record-hash.ts';
import type { Signer } from '../../registry/registry.ts';
import { ByteReader } from './byte-reader.ts';
import {
  formatName,
  formatVersion,
  Head,
  Manifest,
  names,
  parsePartName,
  Signature,
  signedPrefix,
  TenantPart,
} from './manifest.ts';
import { cutOff, damaged, refused } from './refusal.ts';
import { readTarHeader, toTarPadding } from './tar.ts';
import { maxPartBytes, toSetParts } from './write.ts';

const decompress = promisify(gunzip);
/** A manifest names every set once. */
const maxJsonBytes = 16_777_216;

/** An archive that can be read from its beginning as often as needed. */
export interface ArchiveFile {
  open(): AsyncIterable<Uint8Array>;
}

/** Whose archives are taken. */
export interface Trust {
  readonly own: Pick<Signer, 'publicKey' | 'verify'>;
  /** Of other installations: 32 bytes each, as base64url. */
  readonly others: readonly string[];
}

export interface VerifiedArchive {
  readonly manifest: Manifest;
  readonly tenant: TenantPart;
  /** Who signed it. */
  readonly publicKey: string;
}

interface Entry {
  readonly name: string;
  readonly body: Buffer;
  /** SHA-256 of everything before this entry. */
  readonly before: () => string;
}

/**
 * Reads all of it and writes nothing: form, signature, sums, counts, hashes, and that no record names another tenant.
 * @throws archive_refused with the reason
 */
export async function verifyArchive(
  file: ArchiveFile,
  trust: Trust,
  read: (count: number) => void = () => {},
): Promise<VerifiedArchive> {
  const entries = readEntries(file.open());
  try {
    const head = await readHead(entries);
    const tenant = parseJson(TenantPart, await nextNamed(entries, names.tenant));
    const hashes = new Map<CompartmentKind, RecordHashes>();
    let parts = 0;
    let entry = await nextEntry(entries);
    for (; entry.name !== names.manifest; entry = await nextEntry(entries)) {
      parts += 1;
      const { compartment, lines } = await readPart(entry, parts);
      const known = hashes.get(compartment) ?? new RecordHashes();
      hashes.set(compartment, known);
      for (const line of lines) {
        assertOwn(line, head);
        known.add(line);
      }
      read(lines.length);
    }
    const manifest = parseJson(Manifest, entry);
    const publicKey = assertSigned(entry, await nextNamed(entries, names.signature), trust);
    if ((await entries.next()).done !== true) throw refused(damaged);
    const sets = [...hashes].flatMap(([kind, found]) => toSetParts(kind, found));
    assertSame(manifest, { head, sets, parts, sha256: entry.before() });
    return { manifest, tenant, publicKey };
  } finally {
    await entries.return(undefined);
  }
}

/** Records of one compartment, in the order they were exported in. The file has been verified. */
export async function* readRecords(
  file: ArchiveFile,
  kind: CompartmentKind,
): AsyncGenerator<ExportRecord, void, undefined> {
  let parts = 0;
  for await (const entry of readEntries(file.open())) {
    if (entry.name === names.head || entry.name === names.tenant) continue;
    if (entry.name === names.manifest) return;
    parts += 1;
    if (parsePartName(entry.name)?.compartment !== kind) continue;
    yield* (await readPart(entry, parts)).lines;
  }
}

async function* readEntries(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Entry, void, undefined> {
  await using reader = new ByteReader(bytes);
  const hash = createHash('sha256');
  for (;;) {
    const header = await readTarHeader(reader);
    if (header === undefined) return;
    const { name, sizeBytes, block } = header;
    if (sizeBytes > (name.endsWith('.gz') ? maxPartBytes : maxJsonBytes)) throw refused(damaged);
    const body = await reader.take(sizeBytes);
    const padding = await reader.take(toTarPadding(sizeBytes).length);
    if (padding.some((byte) => byte !== 0)) throw refused(damaged);
    const upToHere = hash.copy();
    yield { name, body, before: () => upToHere.digest('hex') };
    hash.update(block).update(body).update(padding);
  }
}

async function nextEntry(entries: AsyncGenerator<Entry, void, undefined>): Promise<Entry> {
  const next = await entries.next();
  if (next.done === true) throw refused(cutOff);
  return next.value;
}

async function nextNamed(entries: AsyncGenerator<Entry, void, undefined>, name: string): Promise<Entry> {
  const entry = await nextEntry(entries);
  if (entry.name !== name) throw refused(damaged);
  return entry;
}

async function readHead(entries: AsyncGenerator<Entry, void, undefined>): Promise<Head> {
  const entry = await nextNamed(entries, names.head);
  const raw = toObject(entry.body);
  if (raw['format'] !== formatName) throw refused('it is not an archive of a tenant');
  const version = raw['formatVersion'];
  if (typeof version === 'number' && version > formatVersion)
    throw refused(
      `it is in format ${version}, and this program reads up to ${formatVersion}`,
      'use the version of Bulkhead that wrote it, or a newer one',
    );
  return parseJson(Head, entry);
}

function toObject(body: Buffer): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(body.toString('utf8'));
    if (typeof parsed === 'object' && parsed !== null) return parsed as Record<string, unknown>;
  } catch {
    // Said below, as for everything else that is not what we write.
  }
  throw refused(damaged);
}

function parseJson<Schema extends z.ZodType>(schema: Schema, { body }: Entry): z.output<Schema> {
  const parsed = schema.safeParse(toObject(body));
  if (!parsed.success) throw refused(damaged);
  return parsed.data;
}

async function readPart(
  entry: Entry,
  expected: number,
): Promise<{ readonly compartment: CompartmentKind; readonly lines: readonly TextRecord[] }> {
  const part = parsePartName(entry.name);
  if (part === undefined || part.number !== expected) throw refused(damaged);
  const text = await decompress(entry.body, { maxOutputLength: maxPartBytes }).then(
    (bytes) => bytes.toString('utf8'),
    () => {
      throw refused(damaged);
    },
  );
  if (!text.endsWith('\n')) throw refused(damaged);
  const lines = text.slice(0, -1).split('\n');
  return { compartment: part.compartment, lines: lines.map((line) => new TextRecord(part.set, line)) };
}

/** Exports leave the tenant out of their records; one that is in all the same must be the archive's own. */
function assertOwn(record: TextRecord, head: Head): void {
  if (!record.text.includes('"tenant_id"')) return;
  const named = toObject(Buffer.from(record.text))['tenant_id'];
  if (named !== undefined && named !== head.tenant)
    throw refused(`a record of ${record.set} names another tenant than the archive`);
}

/** @returns the public key */
function assertSigned(manifest: Entry, signature: Entry, trust: Trust): string {
  const { publicKey, signature: signed } = parseJson(Signature, signature);
  const text = `${signedPrefix}${manifest.body.toString('utf8')}`;
  const isOwn = trust.own.publicKey === publicKey || trust.own.verify(text, signed);
  if (!isOwn && !trust.others.includes(publicKey))
    throw refused(
      `it is signed with the key ${publicKey}, which is not trusted here`,
      'compare the key with the one that installation shows, and trust it for this import',
    );
  if (!isSignedWith(publicKey, text, signed)) throw refused(damaged);
  return publicKey;
}

function isSignedWith(publicKey: string, text: string, signature: string): boolean {
  try {
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: publicKey }, format: 'jwk' });
    return verify(null, Buffer.from(text, 'utf8'), key, Buffer.from(signature, 'base64url'));
  } catch {
    return false;
  }
}

function assertSame(manifest: Manifest, found: Pick<Manifest, 'head' | 'sets' | 'parts' | 'sha256'>): void {
  const { head, sets, parts, sha256 } = manifest;
  if (JSON.stringify(head) !== JSON.stringify(found.head))
    throw refused('its manifest belongs to another archive');
  const isSame =
    parts === found.parts && sha256 === found.sha256 && JSON.stringify(sets) === JSON.stringify(found.sets);
  if (!isSame) throw refused(damaged);
}
