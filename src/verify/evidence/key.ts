import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import { BulkheadError } from '../../core/errors.ts';

/** A new Ed25519 key (RFC 8032), as PKCS #8 in PEM. */
export function newEvidenceKey(): string {
  const { privateKey } = generateKeyPairSync('ed25519');
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString().trim();
}

/** @throws credential_unreadable for a text that is no Ed25519 key */
export function parsePrivateKey(pem: string): KeyObject {
  return parseKey(() => createPrivateKey(pem));
}

/** @throws credential_unreadable for a text that is no Ed25519 key */
export function parsePublicKey(pem: string): KeyObject {
  return parseKey(() => createPublicKey(pem));
}

function parseKey(parse: () => KeyObject): KeyObject {
  let key: KeyObject | undefined;
  try {
    key = parse();
  } catch {
    // What the text holds is nobody's business, nor what is wrong with it.
  }
  if (key?.asymmetricKeyType === 'ed25519') return key;
  throw new BulkheadError('credential_unreadable', { reason: 'the text is no Ed25519 key in PEM' });
}

/** For handing out: SubjectPublicKeyInfo in PEM. */
export function toPublicPem(key: KeyObject): string {
  return toPublic(key).export({ type: 'spki', format: 'pem' }).toString();
}

/** SHA-256 of the public key in DER, in hex. */
export function keyIdOf(key: KeyObject): string {
  return createHash('sha256')
    .update(toPublic(key).export({ type: 'spki', format: 'der' }))
    .digest('hex');
}

function toPublic(key: KeyObject): KeyObject {
  return key.type === 'public' ? key : createPublicKey(key);
}
