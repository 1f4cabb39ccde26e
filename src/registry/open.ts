import { resolveTxt } from 'node:dns/promises';
import type { Clock } from '../core/clock.ts';
import { BulkheadError } from '../core/errors.ts';
import type { KeyId, Slug, TenantId } from '../core/ids.ts';
import type { AdminDatabase } from '../drivers/sql.ts';
import { QueuedAuditTrail } from './audit.ts';
import { SqlBackupStore } from './backups.ts';
import { CatalogCache } from './catalog.ts';
import { ChangeFeed, type ChangeListener } from './change-feed.ts';
import type { CacheLimits } from './confirmed-cache.ts';
import { CachedContainerVersions } from './container-versions.ts';
import { CachedDirectory } from './directory.ts';
import { SqlErasureStore } from './erasures.ts';
import { KeyUsage } from './key-usage.ts';
import { SqlDomainStore, type ResolveTxt } from './domains.ts';
import { SqlIdempotencyStore } from './idempotency.ts';
import { SqlKeyStore } from './keys.ts';
import type { RegistryLog } from './log.ts';
import { SqlOperationStore } from './operations.ts';
import { SqlOperatorTokens } from './operators.ts';
import { SqlPlanStore } from './plans.ts';
import type { Registry } from './registry.ts';
import { SqlContainerSeats } from './seats.ts';
import { SqlServerStore } from './servers.ts';
import { SqlSettingStore } from './settings.ts';
import { createSigner } from './signer.ts';
import { SqlTenantStore } from './tenants.ts';
import { SqlUmbrellaStore } from './umbrella.ts';
import { SealedVault } from './vault.ts';
import { SqlVerificationStore } from './verifications.ts';

export interface RegistryOptions {
  /** The control database, with `installRegistry` done. Stays the caller's: `close` does not close it. */
  readonly admin: AdminDatabase;
  readonly clock: Clock;
  /** 32 bytes. */
  readonly masterKey: Uint8Array;
  /** Master keys before this one, for reading what they sealed. */
  readonly previousMasterKeys?: readonly Uint8Array[];
  readonly nodeId: string;
  /** Default: the machine's DNS. */
  readonly resolveTxt?: ResolveTxt | undefined;
  /** The domain that tenants have subdomains of. */
  readonly baseDomain?: string | undefined;
  readonly cache?: Partial<CacheLimits>;
  readonly pollMs?: number;
  /** How old the last look at the change feed may be for a remembered answer to be used. */
  readonly maxStaleMs?: number;
  /** How long a read that a permission depends on may take. */
  readonly answerTimeoutMs?: number;
  /** How long changes are kept for nodes that do not ask. */
  readonly retentionMs?: number;
  /** How long an operation is its owner's without a sign of life. */
  readonly leaseMs?: number;
  readonly logger?: RegistryLog;
}

const defaults = {
  cache: { maxEntries: 50_000, ttlMs: 300_000, maxAbsent: 10_000, absentTtlMs: 5_000 },
  pollMs: 250,
  maxStaleMs: 1_000,
  answerTimeoutMs: 2_000,
  retentionMs: 3_600_000,
  leaseMs: 30_000,
} as const;

/**
 * Opens the registry on an installed control database and starts listening to its change feed.
 * @throws registry_stale where the database does not answer, config_invalid where the master key is malformed
 */
export async function openRegistry(options: RegistryOptions): Promise<Registry> {
  const { admin, clock, nodeId, logger: log = () => undefined } = options;
  const answerTimeoutMs = options.answerTimeoutMs ?? defaults.answerTimeoutMs;
  const limits = { ...defaults.cache, ...options.cache };
  const vault = new SealedVault(admin, options.masterKey, options.previousMasterKeys ?? []);
  const signer = createSigner(options.masterKey, options.previousMasterKeys ?? []);
  const feed = new ChangeFeed({
    admin,
    clock,
    log,
    answerTimeoutMs,
    pollMs: options.pollMs ?? defaults.pollMs,
    maxStaleMs: options.maxStaleMs ?? defaults.maxStaleMs,
    retentionMs: options.retentionMs ?? defaults.retentionMs,
  });
  const source = { clock, isConfirmed: () => feed.isConfirmed() };
  const catalog = new CatalogCache({ admin, source, ttlMs: limits.ttlMs, answerTimeoutMs });
  const directory = new CachedDirectory({ admin, catalog, source, limits, answerTimeoutMs });
  const usage = new KeyUsage(admin, log);
  const keys = new SqlKeyStore({ admin, clock, usage, source, limits, answerTimeoutMs });
  const audit = new QueuedAuditTrail({ admin, clock, log });

  const versions = new CachedContainerVersions(admin, log);

  const rolePrefix = await readRolePrefix(admin);
  await feed.start(forgetting({ directory, keys, catalog, versions }));
  // After the feed has begun to listen, so that nothing falls between the two.
  await versions.load();
  return {
    directory,
    keys,
    vault,
    audit,
    versions,
    backups: new SqlBackupStore(admin),
    rolePrefix,
    seats: (kind, seatLimits) => new SqlContainerSeats(admin, kind, seatLimits),
    tenants: new SqlTenantStore({ admin, catalog, directory }),
    umbrella: new SqlUmbrellaStore({ admin, directory }),
    plans: new SqlPlanStore(admin, catalog),
    settings: new SqlSettingStore({ admin, catalog, directory }),
    servers: new SqlServerStore(admin, vault),
    operations: new SqlOperationStore({ admin, nodeId, leaseMs: options.leaseMs ?? defaults.leaseMs }),
    domains: new SqlDomainStore({
      admin,
      catalog,
      resolveTxt: options.resolveTxt ?? resolveTxt,
      baseDomain: options.baseDomain,
    }),
    idempotency: new SqlIdempotencyStore(admin, vault),
    erasures: new SqlErasureStore(admin, signer),
    signer,
    verifications: new SqlVerificationStore(admin),
    operators: new SqlOperatorTokens(admin, answerTimeoutMs),
    close: async () => {
      await feed.close();
      await usage.close();
      await audit.close();
    },
  };
}

function forgetting({
  directory,
  keys,
  catalog,
  versions,
}: {
  readonly directory: CachedDirectory;
  readonly keys: SqlKeyStore;
  readonly catalog: CatalogCache;
  readonly versions: CachedContainerVersions;
}): ChangeListener {
  return {
    changed(kind, subject) {
      switch (kind) {
        case 'tenant':
          return directory.forget(subject as TenantId);
        case 'slug':
          return directory.forgetSlug(subject as Slug);
        case 'key':
          return keys.forget(subject as KeyId);
        case 'catalog':
          return catalog.forget();
        case 'container':
          return versions.changed(subject);
      }
    },
    lost() {
      directory.forgetAll();
      keys.forgetAll();
      catalog.forget();
      versions.reload();
    },
  };
}

async function readRolePrefix(admin: AdminDatabase): Promise<string> {
  const { rows } = await admin.query('select role_prefix as "rolePrefix" from bulkhead.installation');
  const rolePrefix = rows[0]?.['rolePrefix'];
  if (typeof rolePrefix === 'string') return rolePrefix;
  throw new BulkheadError('internal', { reason: 'the registry is not installed in this database' });
}
