import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { describe } from 'vitest';
import { systemClock, type Clock } from '../../src/core/clock.ts';
import { newTenantId, parseSlug, type Slug, type TenantId } from '../../src/core/ids.ts';
import type { Actor } from '../../src/core/scope.ts';
import type { Tenant } from '../../src/core/tenant.ts';
import { openPglite } from '../../src/drivers/pglite/database.ts';
import { openPostgresAdmin } from '../../src/drivers/postgres/open.ts';
import type { AdminDatabase } from '../../src/drivers/sql.ts';
import { installRegistry } from '../../src/registry/install.ts';
import { openRegistry, type RegistryOptions } from '../../src/registry/open.ts';
import type { NewTenant, Registry } from '../../src/registry/registry.ts';
import { describeWith, serviceUrl } from '../support/services.ts';

export const operator: Actor = { kind: 'operator', id: 'test' };
export const masterKey = randomBytes(32);

/** An empty database of its own; `connect` opens it once more, as another node would. */
export interface TestDatabase extends AsyncDisposable {
  readonly admin: AdminDatabase;
  /** '' where it is embedded. */
  readonly url: string;
  connect(): AdminDatabase;
}

export interface Dialect {
  readonly name: 'pglite' | 'postgres';
  make(): Promise<TestDatabase>;
}

/** An embedded database takes seconds to make on a busy machine, and a moment to empty: those that are free are used again. */
class EmbeddedDatabases implements Dialect {
  readonly name = 'pglite';
  readonly #free: AdminDatabase[] = [];

  async make(): Promise<TestDatabase> {
    const admin = this.#free.pop() ?? (await openPglite({ store: 'memory' })).admin;
    // Nodes close what they were given; the instance itself goes on.
    const connect = (): AdminDatabase => ({
      dialect: admin.dialect,
      query: (text, values) => admin.query(text, values),
      script: (text) => admin.script(text),
      transaction: (body) => admin.transaction(body),
      close: () => Promise.resolve(),
    });
    return {
      admin: connect(),
      url: '',
      connect,
      [Symbol.asyncDispose]: async () => {
        await admin.script('drop schema if exists bulkhead cascade');
        this.#free.push(admin);
      },
    };
  }
}

const pglite: Dialect = new EmbeddedDatabases();

/** @param url where nodes connect: the server itself, or a pooler in front of it */
function postgres(serverUrl: string, poolUrl: string): Dialect {
  return {
    name: 'postgres',
    async make() {
      const name = `registry_${randomBytes(6).toString('hex')}`;
      await onServer(serverUrl, `create database ${name}`);
      const url = new URL(poolUrl);
      url.pathname = `/${name}`;
      const opened: AdminDatabase[] = [];
      const connect = (): AdminDatabase => {
        const admin = openPostgresAdmin({ url: url.href, applicationName: 'registry-test' });
        opened.push(admin);
        return admin;
      };
      return {
        admin: connect(),
        url: url.href,
        connect,
        async [Symbol.asyncDispose]() {
          await Promise.all(opened.map((admin) => admin.close()));
          await onServer(serverUrl, `drop database ${name} with (force)`);
        },
      };
    },
  };
}

async function onServer(url: string, text: string): Promise<void> {
  const client = new Client(url);
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}

export function postgresDialect(url: string): Dialect {
  return postgres(url, url);
}

type Suite = (dialect: Dialect) => void;

/** The same guarantees on the embedded database and on PostgreSQL. */
export function describeRegistry(name: string, body: Suite): void {
  describe(`${name} on PGlite`, () => body(pglite));
  describeWith('postgres', `${name} on PostgreSQL`, (url) => body(postgresDialect(url)));
}

/** And behind PgBouncer in transaction mode, with prepared statements and without. */
export function describeBehindPoolers(name: string, body: Suite): void {
  const server = serviceUrl('postgres') ?? '';
  for (const pooler of ['pgbouncer', 'pgbouncerPlain'] as const)
    describeWith(pooler, `${name} behind ${pooler}`, (url) => body(postgres(server, url)));
}

export type NodeOptions = Partial<RegistryOptions>;

export async function openNode(admin: AdminDatabase, options: NodeOptions = {}): Promise<Registry> {
  return openRegistry({ admin, clock: systemClock, masterKey, nodeId: 'node', ...options });
}

/** An installed registry on a database of its own, with one node open. */
export interface TestRegistry extends AsyncDisposable {
  readonly database: TestDatabase;
  readonly registry: Registry;
  /** One more node on the same database; closed with the rest. */
  node(options?: NodeOptions & { readonly admin?: AdminDatabase }): Promise<Registry>;
}

export async function makeRegistry(dialect: Dialect, options: NodeOptions = {}): Promise<TestRegistry> {
  const database = await dialect.make();
  await installRegistry(database.admin);
  const nodes: Registry[] = [];
  const node = async (nodeOptions: NodeOptions = {}): Promise<Registry> => {
    const admin = nodeOptions.admin ?? database.connect();
    const opened = await openNode(admin, nodeOptions);
    nodes.push(opened);
    return opened;
  };
  return {
    database,
    registry: await node({ admin: database.admin, ...options }),
    node,
    async [Symbol.asyncDispose]() {
      // Some tests have broken a node's database on purpose.
      await Promise.allSettled(nodes.map((each) => each.close()));
      await database[Symbol.asyncDispose]();
    },
  };
}

export function newSlug(): Slug {
  const slug = parseSlug(`t-${randomBytes(8).toString('hex')}`);
  if (slug === undefined) throw new Error('the test made a malformed slug');
  return slug;
}

export function newTenant(fields: Partial<NewTenant> = {}): NewTenant {
  return {
    id: newTenantId(),
    slug: newSlug(),
    name: 'Acme',
    plan: 'enterprise',
    isolation: 'shared',
    region: undefined,
    parent: undefined,
    features: [],
    settings: {},
    ...fields,
  };
}

export async function insertActive(registry: Registry, fields: Partial<NewTenant> = {}): Promise<Tenant> {
  const tenant = await registry.tenants.insert(newTenant(fields), operator);
  return registry.tenants.transition(tenant.id, 'provisioned', operator);
}

export function placementOf(tenant: TenantId, container = 'main:shared') {
  return { tenant, compartment: 'rows', isolation: 'shared', container } as const;
}

/** `answer_lost`: the database does it, and the caller is not told. */
type Fault = 'none' | 'fails' | 'hangs' | 'answer_lost';

/** Counts what reaches the database, and can make it fail or hang. */
export class WatchedDatabase implements AdminDatabase {
  readonly #inner: AdminDatabase;
  readonly seen: string[] = [];
  fault: Fault | ((text: string) => Fault) = 'none';

  constructor(inner: AdminDatabase) {
    this.#inner = inner;
  }
  get dialect() {
    return this.#inner.dialect;
  }
  /** How many statements without those of the change feed. */
  get count(): number {
    return this.seen.filter((text) => !isFeed(text)).length;
  }
  /** Until everything that is committed now has been heard of: one poll may have begun before. */
  async heard(): Promise<void> {
    const polls = (): number => this.seen.filter((text) => text.includes('pg_current_snapshot()')).length;
    const before = polls();
    await until(() => polls() >= before + 3);
  }
  query: AdminDatabase['query'] = (text, values) => this.#meet(text, () => this.#inner.query(text, values));
  script: AdminDatabase['script'] = (text) => this.#meet(text, () => this.#inner.script(text));
  transaction: AdminDatabase['transaction'] = (body) =>
    this.#meet('begin', () => this.#inner.transaction(body));
  close(): Promise<void> {
    return this.#inner.close();
  }
  async #meet<Result>(text: string, run: () => Promise<Result>): Promise<Result> {
    this.seen.push(text);
    const fault = typeof this.fault === 'function' ? this.fault(text) : this.fault;
    if (fault === 'hangs') return new Promise(() => {});
    if (fault === 'fails') throw new Error('connect ECONNREFUSED');
    const result = await run();
    if (fault === 'answer_lost') throw new Error('read ECONNRESET');
    return result;
  }
}

export function isFeed(text: string): boolean {
  return text.includes('pg_current_snapshot()') || text.startsWith('delete from bulkhead.change');
}

/** A clock that a test moves; it also runs. */
export class MovableClock implements Clock {
  #wallMs = 0;
  #monotonicMs = 0;
  nowMs(): number {
    return Date.now() + this.#wallMs;
  }
  monotonicMs(): number {
    return performance.now() + this.#monotonicMs;
  }
  /** Time passes. */
  advance(byMs: number): void {
    this.#wallMs += byMs;
    this.#monotonicMs += byMs;
  }
  /** Somebody sets the machine's clock. */
  jump(byMs: number): void {
    this.#wallMs += byMs;
  }
}

/** Polls until `ask` says true. @returns how long it took */
export async function until(ask: () => boolean | Promise<boolean>, withinMs = 5_000): Promise<number> {
  const startedMs = performance.now();
  while (!(await ask())) {
    if (performance.now() - startedMs > withinMs) throw new Error(`not so within ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return performance.now() - startedMs;
}
