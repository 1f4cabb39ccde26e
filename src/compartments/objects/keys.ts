import { createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { BulkheadError } from '../../core/errors.ts';
import type { TenantId } from '../../core/ids.ts';
import type { Placement } from '../../core/placement.ts';
import { lengthPrefixed } from './length-prefixed.ts';
import type { ObjectId, ObjectName } from './names.ts';

/** Secrets, encrypted at rest. */
export interface SecretStore {
  /** Keeps what is there already. @returns what is stored now */
  putOnce(owner: string, purpose: string, secret: string): Promise<string>;
  get(owner: string, purpose: string): Promise<string | undefined>;
  drop(owner: string): Promise<number>;
}

const KEY_HEX = /^[0-9a-f]{64}$/;
const maxKeys = 10_000;

/**
 * Keys of the object store. Content is encrypted with a key per tenant and container, which ends with the container's
 * erasure. Names are hashed, and URLs signed, with keys derived from one of the installation: ids stay when a tenant moves.
 */
export class ObjectKeys {
  readonly #secrets: SecretStore;
  readonly #installation: Buffer;
  readonly #contentKeys: LRUCache<string, Buffer>;

  private constructor(secrets: SecretStore, installation: Buffer, heldMs: number) {
    this.#secrets = secrets;
    this.#installation = installation;
    this.#contentKeys = new LRUCache({ max: maxKeys, ttl: heldMs });
  }

  /** @param heldMs how long a node goes on with a content key that another has dropped */
  static async open(secrets: SecretStore, heldMs = 60_000): Promise<ObjectKeys> {
    const made = await secrets.putOnce('objects', 'installation', randomBytes(32).toString('hex'));
    return new ObjectKeys(secrets, toKey(made), heldMs);
  }

  idOf(tenant: TenantId, name: ObjectName): ObjectId {
    const key = this.#derive('names', tenant);
    return createHmac('sha256', key).update(name, 'utf8').digest('hex') as ObjectId;
  }

  signingKey(tenant: TenantId): Buffer {
    return this.#derive('signed urls', tenant);
  }

  /** @throws tenant_inactive where the container has no key any more, as after its erasure */
  async contentKey(placement: Placement): Promise<Buffer> {
    const owner = ownerOf(placement);
    const known = this.#contentKeys.get(owner);
    if (known !== undefined) return known;
    const stored = await this.#secrets.get(owner, 'content');
    if (stored === undefined)
      throw new BulkheadError('tenant_inactive', { reason: 'the tenant has no objects here' });
    const key = toKey(stored);
    this.#contentKeys.set(owner, key);
    return key;
  }

  async makeContentKey(placement: Placement): Promise<void> {
    const made = await this.#secrets.putOnce(ownerOf(placement), 'content', randomBytes(32).toString('hex'));
    this.#contentKeys.set(ownerOf(placement), toKey(made));
  }

  async dropContentKey(placement: Placement): Promise<void> {
    await this.#secrets.drop(ownerOf(placement));
    this.#contentKeys.delete(ownerOf(placement));
  }

  #derive(purpose: string, tenant: TenantId): Buffer {
    const info = lengthPrefixed(['bulkhead objects', purpose, tenant]);
    return Buffer.from(hkdfSync('sha256', this.#installation, '', info, 32));
  }
}

function ownerOf({ container, tenant }: Placement): string {
  return `objects:${container}:${tenant}`;
}

function toKey(hex: string): Buffer {
  if (!KEY_HEX.test(hex))
    throw new BulkheadError('credential_unreadable', { reason: 'not a key of 32 bytes' });
  return Buffer.from(hex, 'hex');
}
