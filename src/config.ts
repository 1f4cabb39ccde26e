import { join, resolve } from 'node:path';
import { z } from 'zod';
import { BulkheadError } from './core/errors.ts';

const port = z.coerce.number().int().min(0).max(65_535);
const positive = z.coerce.number().int().positive();
const flag = z.enum(['true', 'false', '1', '0', '']).transform((value) => value === 'true' || value === '1');

/** Every environment variable Bulkhead reads. `docs/reference/configuration.md` describes the same names; a test compares. */
const Environment = z.object({
  BULKHEAD_HOST: z.string().default('127.0.0.1'),
  BULKHEAD_PORT: port.default(7070),
  BULKHEAD_DATA_DIR: z.string().min(1).default('.bulkhead'),
  BULKHEAD_DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }).optional(),
  /** Where tenant traffic goes when a pooler stands between; control plane and DDL use BULKHEAD_DATABASE_URL. */
  BULKHEAD_POOLER_URL: z.url({ protocol: /^postgres(ql)?$/ }).optional(),
  BULKHEAD_MASTER_KEY: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal characters (32 bytes)')
    .optional(),
  /** Where the command line finds the server; the server itself does not look at it. */
  BULKHEAD_URL: z.url({ protocol: /^https?$/ }).optional(),
  BULKHEAD_OPERATOR_TOKEN: z.string().min(32, 'must have at least 32 characters').optional(),
  /** Where exports and backups are kept; several nodes share it. Default: in the data folder. */
  BULKHEAD_ARCHIVE_DIR: z.string().min(1).optional(),
  BULKHEAD_MIGRATIONS_DIR: z.string().min(1).optional(),
  BULKHEAD_TEMPLATES_DIR: z.string().min(1).optional(),
  BULKHEAD_SHARED_TABLES: z.string().default(''),
  BULKHEAD_MAX_CONNECTIONS: positive.default(60),
  BULKHEAD_POOL_MAX: positive.default(20),
  BULKHEAD_POOL_MIN: z.coerce.number().int().min(0).default(5),
  BULKHEAD_TENANT_POOL_MAX: positive.default(10),
  BULKHEAD_POOL_WAIT_MS: positive.default(5_000),
  BULKHEAD_EMBEDDED_INSTANCES: positive.default(4),
  BULKHEAD_CAPABILITY_TTL_S: positive.default(3_600),
  BULKHEAD_CACHE_TTL_S: positive.default(300),
  BULKHEAD_CACHE_TENANTS: positive.default(50_000),
  BULKHEAD_LEDGER_DURABILITY: z.enum(['synced', 'written']).default('synced'),
  BULKHEAD_USAGE_RETENTION_DAYS: z.coerce.number().int().min(70).default(400),
  BULKHEAD_MEMORY_TTL_DAYS: z.coerce.number().int().min(0).default(0),
  BULKHEAD_MEMORY_MESSAGES: positive.max(1_000_000).default(10_000),
  BULKHEAD_MEMORY_BYTES: positive.default(16_777_216),
  BULKHEAD_VECTOR_CONTAINER_TENANTS: positive.max(10_000).default(100),
  /** Where tenants' cached values are; absent = in the memory of the process. */
  BULKHEAD_CACHE_URL: z.url({ protocol: /^rediss?$/ }).optional(),
  /** Stores of one tenant each: `name=url,name=url`. */
  BULKHEAD_CACHE_SERVERS: z.string().default(''),
  /** PEM of the authority behind `rediss://` where Node does not know it. */
  BULKHEAD_CACHE_CA_FILE: z.string().min(1).optional(),
  BULKHEAD_CACHE_TIMEOUT_MS: positive.default(250),
  BULKHEAD_CACHE_TENANT_BYTES: positive.default(16_777_216),
  BULKHEAD_CACHE_MEMORY_BYTES: positive.default(268_435_456),
  /** Where rate limits are counted; absent = `redis` where a URL of one is given, else `memory`. */
  BULKHEAD_LIMITS: z.enum(['memory', 'redis', 'postgres', 'off']).optional(),
  BULKHEAD_LIMITS_URL: z.url({ protocol: /^rediss?$/ }).optional(),
  BULKHEAD_LIMITS_NODES: positive.default(4),
  BULKHEAD_BASE_DOMAIN: z.string().optional(),
  /** Where a tenant hint may stand, in order. */
  BULKHEAD_TENANT_HINTS: z.string().default('subdomain,path,header'),
  BULKHEAD_TENANT_HEADER_IN_RESPONSE: flag.default(false),
  BULKHEAD_BODY_LIMIT_BYTES: positive.default(1_048_576),
  BULKHEAD_OBJECT_LIMIT_BYTES: positive.default(104_857_600),
  /** Objects are in a folder of the data folder unless a bucket is named. */
  BULKHEAD_S3_BUCKET: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{1,27}$/, 'must be 2 to 28 of a-z, 0-9 and hyphens')
    .optional(),
  BULKHEAD_S3_ENDPOINT: z.url({ protocol: /^https?$/ }).optional(),
  BULKHEAD_S3_REGION: z.string().min(1).default('us-east-1'),
  BULKHEAD_S3_ACCESS_KEY_ID: z.string().min(1).optional(),
  BULKHEAD_S3_SECRET_ACCESS_KEY: z.string().min(1).optional(),
  BULKHEAD_LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  BULKHEAD_SERVICE_NAME: z.string().min(1).max(100).default('bulkhead'),
  BULKHEAD_TENANT_METRICS: z.coerce.number().int().min(0).max(10_000).default(200),
  BULKHEAD_DRAIN_MS: positive.default(10_000),
});

export interface NamedUrl {
  readonly name: string;
  readonly url: string;
}

export type HintSource = 'subdomain' | 'path' | 'header' | 'query';

export interface Config {
  readonly host: string;
  readonly port: number;
  readonly dataDir: string;
  /** undefined = the embedded database in `dataDir`. */
  readonly databaseUrl: string | undefined;
  readonly poolerUrl: string | undefined;
  /** Hex; undefined = kept in `dataDir/master-key`, made on the first start. */
  readonly masterKey: string | undefined;
  readonly url: string | undefined;
  readonly operatorToken: string | undefined;
  readonly archiveDir: string;
  readonly migrationsDir: string | undefined;
  /** Where templates for new tenants are. */
  readonly templatesDir: string | undefined;
  readonly sharedTables: readonly string[];
  readonly pool: {
    readonly maxConnections: number;
    readonly sharedMax: number;
    readonly sharedMin: number;
    readonly tenantMax: number;
    readonly waitMs: number;
  };
  readonly embeddedInstances: number;
  readonly capabilityTtlMs: number;
  readonly cache: { readonly ttlMs: number; readonly maxTenants: number };
  readonly usage: { readonly durability: 'synced' | 'written'; readonly retentionDays: number };
  /** Of each conversation. */
  readonly memory: {
    /** undefined = without end. */
    readonly ttlMs: number | undefined;
    readonly messagesPerConversation: number;
    readonly bytesPerConversation: number;
  };
  readonly vectors: {
    /** Tenants that one shared container of vectors takes. */
    readonly tenantsPerContainer: number;
  };
  /** Tenants' own cached values. */
  readonly cacheStore: {
    /** undefined = the memory of this process. */
    readonly url: string | undefined;
    readonly servers: readonly NamedUrl[];
    readonly authorityFile: string | undefined;
    readonly timeoutMs: number;
    readonly tenantBytes: number;
    readonly memoryBytes: number;
  };
  readonly limits: {
    readonly store: 'memory' | 'redis' | 'postgres' | 'off';
    readonly url: string | undefined;
    /** Among how many nodes a limit is shared while its store does not answer. */
    readonly nodes: number;
  };
  readonly baseDomain: string | undefined;
  readonly hints: readonly HintSource[];
  readonly tenantHeaderInResponse: boolean;
  readonly bodyLimitBytes: number;
  readonly objects: {
    /** Content of one object. */
    readonly limitBytes: number;
    /** undefined = a folder in the data folder. */
    readonly s3:
      | {
          readonly endpoint: string | undefined;
          readonly region: string;
          readonly bucket: string;
          readonly credentials:
            | { readonly accessKeyId: string; readonly secretAccessKey: string }
            | undefined;
        }
      | undefined;
  };
  readonly logLevel: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';
  /** What this service is called in the tokens it sends to others. */
  readonly serviceName: string;
  /** Tenants that /metrics/tenants shows by themselves. */
  readonly tenantMetrics: number;
  readonly drainMs: number;
}

const hintSources: readonly HintSource[] = ['subdomain', 'path', 'header', 'query'];

function parseHints(raw: string): readonly HintSource[] {
  return raw
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => {
      const source = hintSources.find((candidate) => candidate === part);
      if (source === undefined)
        throw new BulkheadError('config_invalid', {
          reason: `BULKHEAD_TENANT_HINTS: "${part}" is none of ${hintSources.join(', ')}`,
        });
      return source;
    });
}

const CACHE_SERVER = /^([a-z0-9][a-z0-9-]{0,47})=(rediss?:\/\/\S+)$/;

/** The URLs hold passwords, so a problem names the place in the list and nothing else of it. */
function parseCacheServers(raw: string): readonly NamedUrl[] {
  const servers = raw
    .split(',')
    .filter((part) => part.trim() !== '')
    .map((part, index) => {
      const [, name, url] = CACHE_SERVER.exec(part.trim()) ?? [];
      if (name === undefined || url === undefined || name === 'main')
        throw new BulkheadError('config_invalid', {
          reason: `BULKHEAD_CACHE_SERVERS: entry ${index + 1} is not name=redis://… with a name other than main`,
        });
      return Object.freeze({ name, url });
    });
  if (new Set(servers.map(({ name }) => name)).size < servers.length)
    throw new BulkheadError('config_invalid', { reason: 'BULKHEAD_CACHE_SERVERS: two have one name' });
  return servers;
}

/** Both halves of a credential, or neither: then the AWS SDK looks where it always does. */
function toS3(read: z.output<typeof Environment>): Config['objects']['s3'] {
  const accessKeyId = read.BULKHEAD_S3_ACCESS_KEY_ID;
  const secretAccessKey = read.BULKHEAD_S3_SECRET_ACCESS_KEY;
  if ((accessKeyId === undefined) !== (secretAccessKey === undefined))
    throw new BulkheadError('config_invalid', {
      reason: 'BULKHEAD_S3_ACCESS_KEY_ID and BULKHEAD_S3_SECRET_ACCESS_KEY are set together or not at all',
    });
  if (read.BULKHEAD_S3_BUCKET === undefined) return undefined;
  return Object.freeze({
    endpoint: read.BULKHEAD_S3_ENDPOINT,
    region: read.BULKHEAD_S3_REGION,
    bucket: read.BULKHEAD_S3_BUCKET,
    credentials:
      accessKeyId === undefined || secretAccessKey === undefined
        ? undefined
        : { accessKeyId, secretAccessKey },
  });
}

function toLimits(read: z.output<typeof Environment>): Config['limits'] {
  const url = read.BULKHEAD_LIMITS_URL ?? read.BULKHEAD_CACHE_URL;
  const store = read.BULKHEAD_LIMITS ?? (url === undefined ? 'memory' : 'redis');
  if (store === 'redis' && url === undefined)
    throw new BulkheadError('config_invalid', {
      reason: 'BULKHEAD_LIMITS: redis needs BULKHEAD_LIMITS_URL or BULKHEAD_CACHE_URL',
    });
  return { store, url, nodes: read.BULKHEAD_LIMITS_NODES };
}

/** Names of our tests, of the services they need, and of the command line, which reads them itself. */
const foreignNames = /^BULKHEAD_(?:TEST_|SERVICES_|URL$|TOKEN$)/;

/**
 * Reads the environment once, whole.
 * @throws config_invalid naming every variable that is wrong, and none of their values
 */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const unknown = Object.keys(env).filter(
    (name) => name.startsWith('BULKHEAD_') && !foreignNames.test(name) && !(name in Environment.shape),
  );
  const parsed = Environment.safeParse(env);
  const problems = [
    ...(parsed.error?.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`) ?? []),
    ...unknown.map((name) => `${name}: there is no such setting`),
  ];
  if (parsed.data === undefined || problems.length > 0)
    throw new BulkheadError('config_invalid', { reason: problems.join('; '), problems });
  const read = parsed.data;
  return Object.freeze({
    host: read.BULKHEAD_HOST,
    port: read.BULKHEAD_PORT,
    dataDir: resolve(read.BULKHEAD_DATA_DIR),
    databaseUrl: read.BULKHEAD_DATABASE_URL,
    poolerUrl: read.BULKHEAD_POOLER_URL,
    masterKey: read.BULKHEAD_MASTER_KEY,
    url: read.BULKHEAD_URL,
    operatorToken: read.BULKHEAD_OPERATOR_TOKEN,
    archiveDir: resolve(read.BULKHEAD_ARCHIVE_DIR ?? join(read.BULKHEAD_DATA_DIR, 'archives')),
    migrationsDir: read.BULKHEAD_MIGRATIONS_DIR,
    templatesDir: read.BULKHEAD_TEMPLATES_DIR,
    sharedTables: Object.freeze(read.BULKHEAD_SHARED_TABLES.split(',').filter((name) => name !== '')),
    pool: Object.freeze({
      maxConnections: read.BULKHEAD_MAX_CONNECTIONS,
      sharedMax: read.BULKHEAD_POOL_MAX,
      sharedMin: Math.min(read.BULKHEAD_POOL_MIN, read.BULKHEAD_POOL_MAX),
      tenantMax: read.BULKHEAD_TENANT_POOL_MAX,
      waitMs: read.BULKHEAD_POOL_WAIT_MS,
    }),
    embeddedInstances: read.BULKHEAD_EMBEDDED_INSTANCES,
    capabilityTtlMs: read.BULKHEAD_CAPABILITY_TTL_S * 1_000,
    cache: Object.freeze({
      ttlMs: read.BULKHEAD_CACHE_TTL_S * 1_000,
      maxTenants: read.BULKHEAD_CACHE_TENANTS,
    }),
    usage: Object.freeze({
      durability: read.BULKHEAD_LEDGER_DURABILITY,
      retentionDays: read.BULKHEAD_USAGE_RETENTION_DAYS,
    }),
    memory: Object.freeze({
      ttlMs: read.BULKHEAD_MEMORY_TTL_DAYS === 0 ? undefined : read.BULKHEAD_MEMORY_TTL_DAYS * 86_400_000,
      messagesPerConversation: read.BULKHEAD_MEMORY_MESSAGES,
      bytesPerConversation: read.BULKHEAD_MEMORY_BYTES,
    }),
    vectors: Object.freeze({ tenantsPerContainer: read.BULKHEAD_VECTOR_CONTAINER_TENANTS }),
    cacheStore: Object.freeze({
      url: read.BULKHEAD_CACHE_URL,
      servers: Object.freeze(parseCacheServers(read.BULKHEAD_CACHE_SERVERS)),
      authorityFile: read.BULKHEAD_CACHE_CA_FILE,
      timeoutMs: read.BULKHEAD_CACHE_TIMEOUT_MS,
      tenantBytes: read.BULKHEAD_CACHE_TENANT_BYTES,
      memoryBytes: read.BULKHEAD_CACHE_MEMORY_BYTES,
    }),
    limits: Object.freeze(toLimits(read)),
    baseDomain: read.BULKHEAD_BASE_DOMAIN,
    hints: Object.freeze(parseHints(read.BULKHEAD_TENANT_HINTS)),
    tenantHeaderInResponse: read.BULKHEAD_TENANT_HEADER_IN_RESPONSE,
    bodyLimitBytes: read.BULKHEAD_BODY_LIMIT_BYTES,
    objects: Object.freeze({ limitBytes: read.BULKHEAD_OBJECT_LIMIT_BYTES, s3: toS3(read) }),
    logLevel: read.BULKHEAD_LOG_LEVEL,
    serviceName: read.BULKHEAD_SERVICE_NAME,
    tenantMetrics: read.BULKHEAD_TENANT_METRICS,
    drainMs: read.BULKHEAD_DRAIN_MS,
  });
}
