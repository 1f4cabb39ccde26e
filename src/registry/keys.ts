import { z } from 'zod';
import type { Clock } from '../core/clock.ts';
import { BulkheadError } from '../core/errors.ts';
import type { KeyId, TenantId } from '../core/ids.ts';
import type { Actor } from '../core/scope.ts';
import { allowed, refused, type Verdict } from '../core/verdict.ts';
import type { AdminDatabase } from '../drivers/sql.ts';
import { answerOf } from './answer.ts';
import { BatchLoader } from './batch-loader.ts';
import { ConfirmedCache, absent, type CacheLimits, type CacheSource } from './confirmed-cache.ts';
import { digestOf, keyIdOf, newApiKey, sameDigest } from './key-format.ts';
import type { KeyUsage } from './key-usage.ts';
import type { ApiKey, IssuedKey, KeyStore } from './registry.ts';
import { bytes, instant, keyId, nullable, parseRow, tenantId } from './row-parts.ts';
import { refusing, writeAudited, type Queryable } from './write.ts';

const keyShape = z.object({
  id: keyId,
  tenant: tenantId,
  name: z.string(),
  createdAt: instant,
  expiresAt: nullable(instant),
  revokedAt: nullable(instant),
  lastUsedAt: nullable(instant),
  replacedBy: nullable(keyId),
});
const digestShape = z.object({ digest: bytes });

const keyColumns = `k.id, k.tenant_id::text as tenant, k.name, k.created_at as "createdAt",
  k.expires_at as "expiresAt", k.revoked_at as "revokedAt", k.last_used_at as "lastUsedAt",
  k.replaced_by as "replacedBy"`;

const byIdText = `select ${keyColumns}, k.digest from bulkhead.api_key k where k.id = any ($1::text[])`;

// Locks the tenant's row, so that no key is issued while its tenant leaves.
const issueText = `insert into bulkhead.api_key as k (id, tenant_id, name, digest, expires_at)
  select $6, t.id, $7, $8::bytea, $9::timestamptz from bulkhead.tenant t
    where t.id = $4::uuid and t.state in ('provisioning', 'active', 'suspended') for share
  returning ${keyColumns}`;

const revokeText = `update bulkhead.api_key k set revoked_at = statement_timestamp()
  where k.id = $6 and k.tenant_id = $4::uuid and k.revoked_at is null returning ${keyColumns}`;

const replaceText = `update bulkhead.api_key k set replaced_by = $2,
    expires_at = least(k.expires_at, $3::timestamptz) where k.id = $1`;

interface CachedKey {
  readonly key: ApiKey;
  readonly digest: Uint8Array;
  /** Made once: the warm path hands out the same frozen value. */
  readonly verdict: Verdict<ApiKey>;
  touchedMs: number;
}

/** One answer for a key that is malformed, unknown, wrong, expired or revoked: an outsider learns nothing from it. */
const refusal = Object.freeze(
  refused('unauthenticated', Object.freeze({ reason: 'the API key is not valid' })),
);
const nobody = new Uint8Array(32);
const TOUCH_EVERY_MS = 60_000;

export interface KeyStoreOptions {
  readonly admin: AdminDatabase;
  readonly clock: Clock;
  readonly usage: KeyUsage;
  readonly source: Omit<CacheSource<string, object>, 'load'>;
  readonly limits: CacheLimits;
  readonly answerTimeoutMs: number;
}

export class SqlKeyStore implements KeyStore {
  readonly #options: KeyStoreOptions;
  readonly #cache: ConfirmedCache<KeyId, CachedKey>;

  constructor(options: KeyStoreOptions) {
    this.#options = options;
    const loader = new BatchLoader<KeyId, CachedKey>({
      read: async (ids) =>
        (await answerOf(options.admin.query(byIdText, [ids]), options.answerTimeoutMs)).rows,
      keyOf: (row) => String(row['id']),
      parse: toCachedKey,
    });
    this.#cache = new ConfirmedCache({ ...options.source, load: (id) => loader.load(id) }, options.limits);
  }

  verify(secret: string): Verdict<ApiKey> | Promise<Verdict<ApiKey>> {
    const id = keyIdOf(secret);
    if (id === undefined) return refusal;
    const known = this.#cache.peek(id);
    return known === undefined ? this.#verifyCold(id, secret) : this.#check(known, secret);
  }

  async #verifyCold(id: KeyId, secret: string): Promise<Verdict<ApiKey>> {
    return this.#check((await this.#cache.get(id)) ?? absent, secret);
  }

  #check(known: CachedKey | typeof absent, secret: string): Verdict<ApiKey> {
    const digest = digestOf(secret);
    // Compared with something in every case, so that an id that exists takes no longer than one that does not.
    const matches = sameDigest(digest, known === absent ? nobody : known.digest);
    if (known === absent || !matches || known.key.revokedAt !== undefined) return refusal;
    const nowMs = this.#options.clock.nowMs();
    const { expiresAt } = known.key;
    if (expiresAt !== undefined && expiresAt.getTime() <= nowMs) return refusal;
    if (Math.abs(nowMs - known.touchedMs) >= TOUCH_EVERY_MS) {
      known.touchedMs = nowMs;
      this.#options.usage.touch(known.key.id, nowMs);
    }
    return known.verdict;
  }

  issue(input: Parameters<KeyStore['issue']>[0], actor: Actor): Promise<IssuedKey> {
    return this.#insert(this.#options.admin, input, { actor, action: 'key.issued' });
  }

  async list(tenant: TenantId): Promise<readonly ApiKey[]> {
    const { rows } = await this.#options.admin.query(
      `select ${keyColumns} from bulkhead.api_key k where k.tenant_id = $1::uuid order by k.created_at, k.id`,
      [tenant],
    );
    return rows.map((row) => parseRow('api_key', keyShape, row));
  }

  async rotate(input: Parameters<KeyStore['rotate']>[0], actor: Actor): Promise<IssuedKey> {
    const nowMs = this.#options.clock.nowMs();
    try {
      return await this.#options.admin.transaction(async (tx) => {
        const old = await lockedKey(tx, input);
        if (old === undefined || (old.expiresAt !== undefined && old.expiresAt.getTime() <= nowMs))
          throw new BulkheadError('not_found', { key: input.id, reason: 'no such key that is still valid' });
        // As long a life as the old one was given.
        const expiresAt =
          old.expiresAt && new Date(nowMs + old.expiresAt.getTime() - old.createdAt.getTime());
        const successor = { tenant: input.tenant, name: old.name, expiresAt };
        const issued = await this.#insert(tx, successor, { actor, action: 'key.rotated', replaces: old.id });
        const overlapEnd = new Date(nowMs + Math.max(0, input.overlapMs));
        await tx.query(replaceText, [old.id, issued.key.id, overlapEnd]);
        return issued;
      });
    } finally {
      this.#cache.forget(input.id);
    }
  }

  async revoke({ tenant, id }: Parameters<KeyStore['revoke']>[0], actor: Actor): Promise<ApiKey> {
    const note = { actor, action: 'key.revoked', tenant, detail: { key: id } };
    try {
      const [row] = await writeAudited(this.#options.admin, note, { write: revokeText, values: [id] });
      const revoked = row ?? (await readKey(this.#options.admin, { tenant, id }));
      if (revoked === undefined) throw new BulkheadError('not_found', { key: id });
      return parseRow('api_key', keyShape, revoked);
    } finally {
      this.#cache.forget(id);
    }
  }

  forget(id: KeyId): void {
    this.#cache.forget(id);
  }

  forgetAll(): void {
    this.#cache.forgetAll();
  }

  async #insert(
    database: Queryable,
    input: Parameters<KeyStore['issue']>[0],
    why: { readonly actor: Actor; readonly action: string; readonly replaces?: KeyId },
  ): Promise<IssuedKey> {
    const { id, secret, digest } = newApiKey();
    const note = { ...why, tenant: input.tenant, detail: { key: id, replaces: why.replaces } };
    const values = [id, input.name, digest, input.expiresAt ?? null];
    const [row] = await refusing(writeAudited(database, note, { write: issueText, values }), {
      api_key_name_check: () =>
        new BulkheadError('value_invalid', { field: 'name', hint: 'between 1 and 200 characters' }),
    });
    this.#cache.forget(id);
    if (row === undefined) throw await whyNoKey(database, input.tenant);
    return { key: parseRow('api_key', keyShape, row), secret };
  }
}

function toCachedKey(row: unknown): CachedKey {
  const key = Object.freeze(parseRow('api_key', keyShape, row));
  const { digest } = parseRow('api_key', digestShape, row);
  return { key, digest, verdict: Object.freeze(allowed(key)), touchedMs: key.lastUsedAt?.getTime() ?? 0 };
}

async function readKey(
  database: Queryable,
  { tenant, id }: { readonly tenant: TenantId; readonly id: KeyId },
): Promise<unknown> {
  const { rows } = await database.query(
    `select ${keyColumns} from bulkhead.api_key k where k.id = $1 and k.tenant_id = $2::uuid`,
    [id, tenant],
  );
  return rows[0];
}

async function lockedKey(
  database: Queryable,
  { tenant, id }: { readonly tenant: TenantId; readonly id: KeyId },
): Promise<ApiKey | undefined> {
  const { rows } = await database.query(
    `select ${keyColumns} from bulkhead.api_key k
     where k.id = $1 and k.tenant_id = $2::uuid and k.revoked_at is null for update`,
    [id, tenant],
  );
  return rows[0] === undefined ? undefined : parseRow('api_key', keyShape, rows[0]);
}

async function whyNoKey(database: Queryable, tenant: TenantId): Promise<BulkheadError> {
  const { rows } = await database.query('select state from bulkhead.tenant where id = $1::uuid', [tenant]);
  const state = rows[0]?.['state'];
  return typeof state === 'string'
    ? new BulkheadError('tenant_inactive', { tenant, state })
    : new BulkheadError('tenant_not_found', { tenant });
}
