import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import { newKeyId, parseKeyId, type KeyId } from '../core/ids.ts';

/** `bh_<16 characters of id>_<43 characters: 256 random bits>`. The prefix lets scanners find leaked keys. */
const KEY = /^bh_([0-9a-hjkmnp-tv-z]{16})_[A-Za-z0-9_-]{43}$/;

export interface NewSecret {
  readonly id: KeyId;
  readonly secret: string;
  readonly digest: Uint8Array;
}

export function newApiKey(): NewSecret {
  const id = newKeyId();
  const secret = `bh_${id}_${randomBytes(32).toString('base64url')}`;
  return { id, secret, digest: digestOf(secret) };
}

/** The public part of a key; undefined where the text is not a key's. */
export function keyIdOf(secret: string): KeyId | undefined {
  return parseKeyId(KEY.exec(secret)?.[1]);
}

export function newOperatorToken(): string {
  return `bho_${randomBytes(32).toString('base64url')}`;
}

/** SHA-256 is enough: the secret has 256 random bits, so there is nothing to guess that slowness would protect. */
export function digestOf(secret: string): Uint8Array {
  return hash('sha256', secret, 'buffer');
}

export function sameDigest(one: Uint8Array, other: Uint8Array): boolean {
  return timingSafeEqual(one, other);
}
