import { z } from 'zod';
import { parseTenantId } from '../../core/ids.ts';
import { compartmentKinds, isolations } from '../../core/placement.ts';

/** Raised by what an older program would read wrongly. */
export const formatVersion = 1;
export const formatName = 'bulkhead-archive';

const tenantId = z.string().transform((raw, context) => {
  const id = parseTenantId(raw);
  if (id === undefined) context.addIssue('not a tenant id');
  return id ?? z.NEVER;
});

/** First in the file, so that what cannot be read is known at once. */
export const Head = z.object({
  format: z.literal(formatName),
  formatVersion: z.int().positive(),
  /** Of the program that wrote it. */
  bulkhead: z.string(),
  id: z.uuid(),
  tenant: tenantId,
  slug: z.string(),
  createdAt: z.iso.datetime(),
  /** By compartment: the version of its records' shape, where it has one. */
  schema: z.partialRecord(z.enum(compartmentKinds), z.string()),
});
export type Head = z.output<typeof Head>;

/** What the registry knows of the tenant. Keys and secrets stay behind. */
export const TenantPart = z.object({
  name: z.string(),
  plan: z.string(),
  isolation: z.enum(isolations),
  region: z.string().nullable(),
  features: z.array(z.string()),
  settings: z.record(z.string(), z.json()),
});
export type TenantPart = z.output<typeof TenantPart>;

const digest = z.string().regex(/^[0-9a-f]{64}$/);

const SetPart = z.object({
  compartment: z.enum(compartmentKinds),
  set: z.string(),
  count: z.int().nonnegative(),
  /** Of all its records, whatever their order; see RecordHashes. */
  hash: digest,
});
export type SetPart = z.output<typeof SetPart>;

/** Behind everything it speaks of. */
export const Manifest = z.object({
  head: Head,
  sets: z.array(SetPart),
  /** Files with records. */
  parts: z.int().nonnegative(),
  /** SHA-256 of every byte of the file before the manifest's own block. */
  sha256: digest,
  completedAt: z.iso.datetime(),
});
export type Manifest = z.output<typeof Manifest>;

/** In the one form that its bytes have: the last character holds bits that a decoder passes over. */
const base64url = z
  .string()
  .regex(/^[A-Za-z0-9_-]+$/)
  .refine((text) => Buffer.from(text, 'base64url').toString('base64url') === text);

/** Ed25519 over `signedPrefix` and the bytes of manifest.json. */
export const Signature = z.object({
  algorithm: z.literal('Ed25519'),
  /** 32 bytes. */
  publicKey: base64url,
  /** 64 bytes. */
  signature: base64url,
});

export const signedPrefix = 'bulkhead-archive-manifest/1\n';

export const names = {
  head: 'head.json',
  tenant: 'tenant.json',
  manifest: 'manifest.json',
  signature: 'manifest.sig.json',
} as const;

/** `rows/documents/00000007.jsonl.gz`: parts are numbered through, because their order matters to some stores. */
export function toPartName(part: {
  readonly compartment: string;
  readonly set: string;
  readonly number: number;
}): string {
  return `${part.compartment}/${encodeSet(part.set)}/${String(part.number).padStart(8, '0')}.jsonl.gz`;
}

const PART = /^([a-z]+)\/([A-Za-z0-9_%-]+)\/(\d{8})\.jsonl\.gz$/;

/** @returns undefined for any other name, also one that means the same */
export function parsePartName(
  name: string,
):
  | { readonly compartment: SetPart['compartment']; readonly set: string; readonly number: number }
  | undefined {
  const [, kind, encoded = '', digits] = PART.exec(name) ?? [];
  const compartment = compartmentKinds.find((each) => each === kind);
  const set = decodeSet(encoded);
  if (compartment === undefined || set === undefined) return undefined;
  const part = { compartment, set, number: Number(digits) };
  return toPartName(part) === name ? part : undefined;
}

function encodeSet(set: string): string {
  return encodeURIComponent(set).replaceAll(
    /[.!~*'()]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function decodeSet(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return undefined;
  }
}
