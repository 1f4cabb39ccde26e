import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { BulkheadError } from '../core/errors.ts';
import type { AdminDatabase } from '../drivers/sql.ts';
import type { Vault } from './registry.ts';
import { bytes, parseRow } from './row-parts.ts';
import type { Queryable } from './write.ts';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;

interface SealingKey {
  /** Names the key without telling anything about it. */
  readonly id: string;
  readonly key: Uint8Array;
}

interface Sealed {
  readonly keyId: string;
  readonly nonce: Uint8Array;
  readonly sealed: Uint8Array;
}

interface Place {
  readonly owner: string;
  readonly purpose: string;
}

const sealedShape = z.object({ keyId: z.string(), nonce: bytes, sealed: bytes });
const placedShape = sealedShape.extend({ owner: z.string(), purpose: z.string() });
const sealedColumns = 'key_id as "keyId", nonce, sealed';

const insertText = `insert into bulkhead.credential (owner, purpose, key_id, nonce, sealed)
  values ($1, $2, $3, $4::bytea, $5::bytea)`;

const putText = `${insertText}
  on conflict (owner, purpose) do update set key_id = excluded.key_id, nonce = excluded.nonce,
    sealed = excluded.sealed, updated_at = statement_timestamp()`;

export class SealedVault implements Vault {
  readonly #admin: AdminDatabase;
  readonly #current: SealingKey;
  readonly #keys: ReadonlyMap<string, SealingKey>;

  /** @param previous master keys that may still be needed to read; nothing is sealed with them */
  constructor(admin: AdminDatabase, masterKey: Uint8Array, previous: readonly Uint8Array[]) {
    this.#admin = admin;
    this.#current = toSealingKey(masterKey);
    const keys = [...previous.map(toSealingKey), this.#current];
    this.#keys = new Map(keys.map((key) => [key.id, key]));
  }

  put(owner: string, purpose: string, secret: string): Promise<void> {
    return this.putWithin(this.#admin, { owner, purpose }, secret);
  }

  /** As part of a transaction that stores more than the secret. */
  async putWithin(database: Queryable, place: Place, secret: string): Promise<void> {
    await database.query(putText, this.#sealedValues(place, secret));
  }

  async putOnce(owner: string, purpose: string, secret: string): Promise<string> {
    const values = this.#sealedValues({ owner, purpose }, secret);
    const text = `${insertText} on conflict (owner, purpose) do nothing returning 1 as stored`;
    const { rows } = await this.#admin.query(text, values);
    if (rows.length > 0) return secret;
    const stored = await this.get(owner, purpose);
    // Dropped between the two statements: then nothing is in the way any more.
    return stored ?? this.putOnce(owner, purpose, secret);
  }

  #sealedValues(place: Place, secret: string): readonly unknown[] {
    const { keyId, nonce, sealed } = seal(this.#current, place, secret);
    return [place.owner, place.purpose, keyId, nonce, sealed];
  }

  async get(owner: string, purpose: string): Promise<string | undefined> {
    const { rows } = await this.#admin.query(
      `select ${sealedColumns} from bulkhead.credential where owner = $1 and purpose = $2`,
      [owner, purpose],
    );
    if (rows[0] === undefined) return undefined;
    return this.#unseal({ owner, purpose }, parseRow('credential', sealedShape, rows[0]));
  }

  async drop(owner: string): Promise<number> {
    const { rowCount } = await this.#admin.query('delete from bulkhead.credential where owner = $1', [owner]);
    return rowCount;
  }

  async reseal(): Promise<number> {
    const { rows } = await this.#admin.query(
      `select owner, purpose, ${sealedColumns} from bulkhead.credential where key_id <> $1`,
      [this.#current.id],
    );
    let count = 0;
    for (const row of rows) {
      const old = parseRow('credential', placedShape, row);
      const next = seal(this.#current, old, this.#unseal(old, old));
      // Not where somebody stored a new secret meanwhile.
      const { rowCount } = await this.#admin.query(
        `update bulkhead.credential set key_id = $3, nonce = $4::bytea, sealed = $5::bytea
         where owner = $1 and purpose = $2 and nonce = $6::bytea`,
        [old.owner, old.purpose, next.keyId, next.nonce, next.sealed, old.nonce],
      );
      count += rowCount;
    }
    return count;
  }

  #unseal(place: Place, { keyId, nonce, sealed }: Sealed): string {
    const refuse = (reason: string): BulkheadError =>
      new BulkheadError('credential_unreadable', { owner: place.owner, purpose: place.purpose, reason });
    const key = this.#keys.get(keyId);
    if (key === undefined) throw refuse('it was sealed with another master key');
    if (nonce.length !== NONCE_BYTES || sealed.length < TAG_BYTES) throw refuse('it is damaged');
    const decipher = createDecipheriv('aes-256-gcm', key.key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(boundTo(place, keyId));
    decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
    try {
      const text = decipher.update(sealed.subarray(0, sealed.length - TAG_BYTES));
      return Buffer.concat([text, decipher.final()]).toString('utf8');
    } catch {
      // Without the cause: OpenSSL says nothing useful there.
      throw refuse('it was altered, or moved from another owner or purpose');
    }
  }
}

function seal(key: SealingKey, place: Place, secret: string): Sealed {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key.key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(boundTo(place, key.id));
  const text = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  return { keyId: key.id, nonce, sealed: text };
}

/** Each part with its length before it: ('ab', 'c') must not read like ('a', 'bc'). */
function boundTo({ owner, purpose }: Place, keyId: string): Buffer {
  return Buffer.concat(
    [owner, purpose, keyId].flatMap((part) => {
      const text = Buffer.from(part, 'utf8');
      const length = Buffer.alloc(4);
      length.writeUInt32BE(text.length);
      return [length, text];
    }),
  );
}

/** @throws config_invalid where the master key is not 32 bytes */
function toSealingKey(masterKey: Uint8Array): SealingKey {
  if (masterKey.length !== KEY_BYTES)
    throw new BulkheadError('config_invalid', { reason: `the master key has ${KEY_BYTES} bytes` });
  const derive = (purpose: string, length: number): Buffer =>
    Buffer.from(hkdfSync('sha256', masterKey, '', `bulkhead vault ${purpose}`, length));
  return { id: derive('key id', 8).toString('hex'), key: derive('key', KEY_BYTES) };
}
