import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { BulkheadError } from '../../core/errors.ts';
import type { TenantId } from '../../core/ids.ts';
import { lengthPrefixed } from './length-prefixed.ts';

/**
 * How an object lies in the store:
 *
 *     header · segment … · last segment · header · facts · length of the facts (4 bytes) · 'BHOF'
 *     header = 'BHOB' · version (1 byte) · tenant (16 bytes) · salt (32 bytes) · nonce prefix (7 bytes) = 60 bytes
 *
 * Content is encrypted in segments of 64 KiB with AES-256-GCM in the STREAM construction (Hoang, Reyhanitabar, Rogaway and
 * Vizár, CRYPTO 2015): the nonce is prefix, number and a last byte that marks the end, so that nothing can be cut off, swapped or
 * repeated, and each segment is verified before a byte of it is given out. The key is derived per object (HKDF, RFC 5869).
 * Every tag covers header and storage key: a blob that was copied to another tenant's key, or another name, does not open.
 * The facts are at the end because size and hash are known only there; they repeat the header so that they open by themselves.
 */
export const headerBytes = 60;
export const footerBytes = 8;
export const segmentBytes = 64 * 1024;
export const tagBytes = 16;
/** More than any facts; what `stat` reads of a blob. */
export const maxTrailerBytes = 16 * 1024;

const magic = Buffer.from('BHOB\u0001', 'latin1');
const footerMagic = Buffer.from('BHOF', 'latin1');
const saltAt = magic.length + 16;
const prefixAt = saltAt + 32;

const part = { middle: 0, last: 1, facts: 2 } as const;
type Part = keyof typeof part;

const factsShape = z.strictObject({
  name: z.string(),
  contentType: z.string(),
  metadata: z.record(z.string(), z.string()),
  sizeBytes: z.number().int().nonnegative(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  updatedAtMs: z.number().int(),
});

/** What is kept beside the content, encrypted like it. */
export type ObjectFacts = z.output<typeof factsShape>;

/** Whose blob it is and where it lies: both are bound into every tag. */
export interface BlobIdentity {
  readonly tenant: TenantId;
  readonly key: string;
}

/** Encrypts or decrypts the parts of one blob. */
export class Segments {
  readonly header: Buffer;
  readonly #key: Buffer;
  readonly #bound: Buffer;

  private constructor(contentKey: Uint8Array, header: Buffer, identity: BlobIdentity) {
    this.header = header;
    const salt = header.subarray(saltAt, prefixAt);
    this.#key = Buffer.from(hkdfSync('sha256', contentKey, salt, 'bulkhead object', 32));
    this.#bound = lengthPrefixed([header, identity.tenant, identity.key]);
  }

  static begin(contentKey: Uint8Array, identity: BlobIdentity): Segments {
    const header = Buffer.concat([magic, toTenantBytes(identity.tenant), randomBytes(39)]);
    return new Segments(contentKey, header, identity);
  }

  /** @throws foreign_row for a blob of another tenant, object_damaged for one that is none of ours */
  static resume(contentKey: Uint8Array, header: Buffer, identity: BlobIdentity): Segments {
    if (header.length !== headerBytes || !header.subarray(0, magic.length).equals(magic))
      throw damaged('its beginning is not that of an object');
    if (!header.subarray(magic.length, saltAt).equals(toTenantBytes(identity.tenant)))
      throw new BulkheadError('foreign_row', { reason: 'the object is of another tenant' });
    return new Segments(contentKey, header, identity);
  }

  seal(plain: Uint8Array, number: number, as: Part): Buffer {
    const cipher = createCipheriv('aes-256-gcm', this.#key, this.#nonce(number, as), {
      authTagLength: tagBytes,
    });
    cipher.setAAD(this.#bound);
    return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  }

  /** @throws object_damaged */
  unseal(sealed: Buffer, number: number, as: Part): Buffer {
    if (sealed.length < tagBytes) throw damaged('it is cut off');
    const decipher = createDecipheriv('aes-256-gcm', this.#key, this.#nonce(number, as), {
      authTagLength: tagBytes,
    });
    decipher.setAAD(this.#bound);
    decipher.setAuthTag(sealed.subarray(sealed.length - tagBytes));
    const plain = decipher.update(sealed.subarray(0, sealed.length - tagBytes));
    try {
      decipher.final();
    } catch {
      // Without the cause: OpenSSL says nothing useful there.
      throw damaged('it was altered, or lies where it was not stored');
    }
    return plain;
  }

  sealFacts(facts: ObjectFacts): Buffer {
    const sealed = this.seal(Buffer.from(JSON.stringify(facts)), 0, 'facts');
    const length = Buffer.alloc(4);
    length.writeUInt32BE(sealed.length);
    return Buffer.concat([this.header, sealed, length, footerMagic]);
  }

  #nonce(number: number, as: Part): Buffer {
    const nonce = Buffer.alloc(12);
    this.header.copy(nonce, 0, prefixAt);
    nonce.writeUInt32BE(number, 7);
    nonce[11] = part[as];
    return nonce;
  }
}

export interface Trailer {
  readonly segments: Segments;
  readonly facts: ObjectFacts;
  /** Where the sealed content ends, from the blob's beginning. */
  readonly contentEnd: number;
}

/** Opens the facts at the end of a blob. @throws foreign_row, object_damaged */
export function readTrailer(
  contentKey: Uint8Array,
  tail: { readonly bytes: Uint8Array; readonly sizeBytes: number },
  identity: BlobIdentity,
): Trailer {
  const bytes = Buffer.from(tail.bytes.buffer, tail.bytes.byteOffset, tail.bytes.byteLength);
  const lengthAt = bytes.length - footerBytes;
  if (lengthAt < 0 || !bytes.subarray(lengthAt + 4).equals(footerMagic)) throw damaged('its end is missing');
  const factsAt = lengthAt - bytes.readUInt32BE(lengthAt);
  const headerAt = factsAt - headerBytes;
  if (headerAt < 0) throw damaged('its end is not that of an object');
  const segments = Segments.resume(contentKey, bytes.subarray(headerAt, factsAt), identity);
  const json: unknown = JSON.parse(
    segments.unseal(bytes.subarray(factsAt, lengthAt), 0, 'facts').toString('utf8'),
  );
  return { segments, facts: factsShape.parse(json), contentEnd: tail.sizeBytes - (bytes.length - headerAt) };
}

export function damaged(reason: string): BulkheadError {
  return new BulkheadError('object_damaged', { reason: `the stored object cannot be opened: ${reason}` });
}

function toTenantBytes(tenant: TenantId): Buffer {
  return Buffer.from(tenant.replaceAll('-', ''), 'hex');
}
