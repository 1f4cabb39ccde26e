import { createPrivateKey, createPublicKey, hkdfSync, sign, verify, type KeyObject } from 'node:crypto';
import { BulkheadError } from '../core/errors.ts';

/** Signs what must be believed later, perhaps by somebody who has nothing but the public key. */
export interface Signer {
  /** Ed25519 (RFC 8032), raw, base64url. */
  readonly publicKey: string;
  /** @returns base64url */
  sign(text: string): string;
  /** Whether this installation signed it, with its master key of now or one before. */
  verify(text: string, signature: string): boolean;
}

/** DER of an Ed25519 key up to its 32 bytes (RFC 8410). */
const pkcs8 = Buffer.from('302e020100300506032b657004220420', 'hex');
const keyBytes = 32;

/**
 * The installation's signing key follows from its master key (HKDF, RFC 5869), so it is stored nowhere and outlives a
 * restored database. @throws config_invalid where a master key is not 32 bytes
 */
export function createSigner(masterKey: Uint8Array, previous: readonly Uint8Array[] = []): Signer {
  const secret = toPrivateKey(masterKey);
  const known = [secret, ...previous.map(toPrivateKey)].map((key) => createPublicKey(key));
  return {
    publicKey: secret.export({ format: 'jwk' }).x ?? '',
    sign: (text) => sign(null, Buffer.from(text, 'utf8'), secret).toString('base64url'),
    verify: (text, signature) =>
      known.some((key) => verify(null, Buffer.from(text, 'utf8'), key, Buffer.from(signature, 'base64url'))),
  };
}

function toPrivateKey(masterKey: Uint8Array): KeyObject {
  if (masterKey.length !== keyBytes)
    throw new BulkheadError('config_invalid', { reason: `the master key has ${keyBytes} bytes` });
  const seed = Buffer.from(hkdfSync('sha256', masterKey, '', 'bulkhead signing key', keyBytes));
  return createPrivateKey({ key: Buffer.concat([pkcs8, seed]), format: 'der', type: 'pkcs8' });
}
