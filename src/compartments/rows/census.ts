import type { Census, Resident } from '../../core/compartment.ts';
import { isBulkheadError } from '../../core/errors.ts';
import { parseTenantId, type TenantId } from '../../core/ids.ts';
import type { SqlServer } from '../../drivers/server.ts';
import { SqlError, type AdminDatabase } from '../../drivers/sql.ts';
import {
  chooseContainer,
  schemaOf,
  sharedContainer,
  toContainerAddress,
  type ContainerFamily,
  type RowsContainer,
} from './container.ts';
import { countRows, readTableNames, readTenantTableNames } from './count.ts';
import type { KnownServer, RowsDeps } from './deps.ts';
import { quote } from './filter.ts';

type Asked = readonly TenantId[] | 'everyone';

/** Looks through every server: databases, schemas, roles, the wall's own tables, and rows and triggers among others'. */
export async function takeCensus(deps: RowsDeps, of: Asked): Promise<Census> {
  const residents: Resident[] = [];
  const notSeen: Census['notSeen'][number][] = [];
  if (of !== 'everyone' && of.length === 0) return { residents, notSeen };
  for (const cluster of (await toClusters(deps, notSeen)).values())
    for (const known of cluster) {
      const at = { ...known, of, isMine: (tenant: TenantId) => nameFor(cluster, tenant) === known.name };
      try {
        residents.push(...(await new ServerCensus(deps, at).take()));
      } catch (cause) {
        notSeen.push({ place: known.name, reason: toReason(cause) });
      }
    }
  return { residents, notSeen };
}

type Reached = KnownServer & { readonly server: SqlServer };

/** A Postgres may be known by several names, and has each database and each role once. */
async function toClusters(
  deps: RowsDeps,
  notSeen: Census['notSeen'][number][],
): Promise<ReadonlyMap<string, readonly Reached[]>> {
  const reached: (Reached & { readonly cluster: string })[] = [];
  for (const known of await deps.servers.list()) {
    try {
      const server = await deps.servers.server(known.name);
      reached.push({ ...known, server, cluster: await identify(server) });
    } catch (cause) {
      notSeen.push({ place: known.name, reason: toReason(cause) });
    }
  }
  return Map.groupBy(reached, ({ cluster }) => cluster);
}

/** To the microsecond, and readable by everybody, other than the identifier that the server has. */
async function identify(server: SqlServer): Promise<string> {
  if (server.dialect === 'pglite') return server.name;
  const { rows } = await server.pool.query<{ started: string }>(
    'select pg_postmaster_start_time()::text as started',
  );
  return `started ${rows[0]?.started}`;
}

/** The name under which a tenant would have a database there. */
function nameFor(cluster: readonly Reached[], tenant: TenantId): string | undefined {
  const own = cluster.find(({ claimedBy }) => claimedBy === tenant);
  return (own ?? cluster.find(({ role }) => role === 'pool') ?? cluster[0])?.name;
}

/** A code and nothing else: the text of a foreign error may hold an address or worse. */
function toReason(cause: unknown): string {
  if (isBulkheadError(cause)) return cause.code;
  return cause instanceof SqlError ? `SQLSTATE ${cause.sqlState}` : 'it does not answer';
}

/** How the schemas of one family are called. */
interface SchemaNames {
  readonly shared: RegExp;
  readonly own: RegExp;
}

function schemaNames(family: ContainerFamily): SchemaNames {
  return family === 'rows'
    ? { shared: /^shared$/, own: /^tenant_[0-9a-f]{32}$/ }
    : {
        shared: new RegExp(`^${family}_[1-9][0-9]{0,5}$`),
        own: new RegExp(`^${family}_[0-9a-f]{32}$`),
      };
}

/** Something that was seen: records of the tenant, or a thing by name. */
type Seen = { readonly records: bigint } | { readonly thing: string };

interface Found {
  readonly placement: Resident['placement'];
  records: bigint;
  readonly holds: string[];
}

interface At {
  readonly server: SqlServer;
  readonly role: KnownServer['role'];
  readonly of: Asked;
  /** Whether what the whole Postgres has of a tenant is to be counted under this server's name. */
  isMine(tenant: TenantId): boolean;
}

class ServerCensus {
  readonly #deps: RowsDeps;
  readonly #at: At;
  readonly #names: SchemaNames;
  readonly #asked: ReadonlySet<TenantId> | undefined;
  readonly #databases = new Set<TenantId>();
  readonly #found = new Map<string, Found>();

  constructor(deps: RowsDeps, at: At) {
    this.#deps = deps;
    this.#at = at;
    this.#names = schemaNames(deps.family);
    this.#asked = at.of === 'everyone' ? undefined : new Set(at.of);
  }

  async take(): Promise<readonly Resident[]> {
    const { server } = this.#at;
    for (const database of await this.#ownDatabases()) await this.#lookIntoDatabase(database);
    if (server.dialect === 'postgres') await this.#lookForLogins(server.pool);
    // The server of one tenant holds databases alone; an embedded one is not even made before it is asked.
    if (this.#at.role === 'dedicated') return [...this.#found.values()];
    await this.#lookAtNames(server.pool);
    const { rows } = await server.pool.query<{ made: boolean }>(
      `select to_regclass('bulkhead_wall.move_change') is not null as made`,
    );
    if (rows[0]?.made === true) await this.#lookAtWall(server.pool);
    await this.#countShared(server.pool);
    if (this.#asked !== undefined) await this.#countOwn(server.pool);
    return [...this.#found.values()];
  }

  /** A server may serve several installations: whose a database is, its grants and its login say. */
  async #ownDatabases(): Promise<readonly string[]> {
    const { server } = this.#at;
    const all = (await server.databases()).filter(
      (name) => /^tenant_[0-9a-f]{32}$/.test(name) && this.#isToCount(tenantOf(name)),
    );
    // An id that was asked for is nobody else's.
    if (this.#asked !== undefined || server.dialect === 'pglite' || all.length === 0) return all;
    const { rows } = await server.pool.query<{ name: string }>(ownDatabasesText, [all, this.#prefix]);
    return rows.map(({ name }) => name);
  }

  /** Several families may live in one database. One that holds nothing yet, or nothing any more, is counted with rows. */
  async #lookIntoDatabase(database: string): Promise<void> {
    const { family } = this.#deps;
    const tenant = tenantOf(database);
    if (tenant === undefined) return;
    this.#databases.add(tenant);
    const container = { kind: 'database', family, server: this.#at.server.name, database } as const;
    const schema = schemaOf(container);
    const seen = await this.#at.server.withAdmin(database, async (admin) => {
      const { rows } = await admin.query<{ mine: boolean; others: boolean }>(schemasText, [schema]);
      const records = await countRows(admin, schema, await readTableNames(admin, schema));
      return { ...rows[0], records };
    });
    if (seen.mine !== true && (family !== 'rows' || seen.others === true)) return;
    this.#note(tenant, container, { thing: 'database' });
    this.#note(tenant, container, { records: seen.records });
  }

  /** The login of a database is there as long as any family is in it. */
  async #lookForLogins(pool: AdminDatabase): Promise<void> {
    if (this.#deps.family !== 'rows') return;
    const { rows } = await pool.query<{ name: string }>(rolesText, [`${this.#prefix}_d_`]);
    for (const { name } of rows) {
      const tenant = tenantOf(name);
      if (tenant !== undefined && this.#isToCount(tenant) && !this.#databases.has(tenant))
        this.#noteOwn(tenant, 'database', { thing: 'login' });
    }
  }

  async #lookAtNames(pool: AdminDatabase): Promise<void> {
    const { family } = this.#deps;
    const { rows: schemas } = await pool.query<{ name: string }>(
      'select nspname::text as name from pg_namespace where nspname ~ $1',
      [this.#names.own.source],
    );
    for (const { name } of schemas) this.#noteOwn(tenantOf(name), 'schema', { thing: 'schema' });
    const roles = family === 'rows' ? `${this.#prefix}_s_` : `${this.#prefix}_${family}_`;
    const { rows } = await pool.query<{ name: string }>(rolesText, [roles]);
    for (const { name } of rows) {
      const tenant = tenantOf(name);
      if (this.#isToCount(tenant)) this.#noteOwn(tenant, 'schema', { thing: 'role' });
    }
  }

  async #lookAtWall(pool: AdminDatabase): Promise<void> {
    const { rows } = await pool.query<{ tenant: string; schema: string; thing: string }>(wallText, [
      this.#asked === undefined ? null : [...this.#asked],
    ]);
    for (const { tenant, schema, thing } of rows)
      this.#noteIn(schema, parseTenantId(tenant) ?? tenantOf(tenant), { thing });
  }

  /** Asked for by name, tenants are found by the primary key; for everyone each table is read. */
  async #countShared(pool: AdminDatabase): Promise<void> {
    const { rows: schemas } = await pool.query<{ name: string }>(
      'select nspname::text as name from pg_namespace where nspname ~ $1',
      [this.#names.shared.source],
    );
    for (const { name: schema } of schemas)
      for (const table of await readTenantTableNames(pool, schema)) {
        const { rows } = await pool.query<{ tenant: string; n: string }>(
          `select tenant_id::text as tenant, count(*)::text as n from ${quote(schema)}.${quote(table)}
             where $1::uuid[] is null or tenant_id = any ($1::uuid[]) group by tenant_id`,
          [this.#asked === undefined ? null : [...this.#asked]],
        );
        for (const { tenant, n } of rows) this.#noteIn(schema, parseTenantId(tenant), { records: BigInt(n) });
      }
  }

  async #countOwn(pool: AdminDatabase): Promise<void> {
    for (const { placement } of this.#found.values()) {
      if (placement.isolation !== 'schema') continue;
      const schema = schemaOf(this.#own(placement.tenant, 'schema'));
      const records = await countRows(pool, schema, await readTableNames(pool, schema));
      this.#noteOwn(placement.tenant, 'schema', { records });
    }
  }

  #noteIn(schema: string, tenant: TenantId | undefined, seen: Seen): void {
    if (this.#names.own.test(schema)) this.#noteOwn(tenant, 'schema', seen);
    if (tenant === undefined || !this.#names.shared.test(schema)) return;
    const number = Number(/\d+$/.exec(schema)?.[0] ?? 1);
    const { family } = this.#deps;
    this.#note(tenant, sharedContainer(family, { server: this.#at.server.name, number }), seen);
  }

  #noteOwn(tenant: TenantId | undefined, isolation: 'schema' | 'database', seen: Seen): void {
    if (tenant !== undefined) this.#note(tenant, this.#own(tenant, isolation), seen);
  }

  #own(tenant: TenantId, isolation: 'schema' | 'database'): RowsContainer {
    const at = { server: this.#at.server.name, number: 1 };
    return chooseContainer(this.#deps.family, { tenant, isolation }, at);
  }

  #note(tenant: TenantId, container: RowsContainer, seen: Seen): void {
    if (!this.#isAsked(tenant)) return;
    const address = toContainerAddress(container);
    const isolation = container.kind === 'database' ? this.#isolation : container.kind;
    const found = this.#found.get(`${tenant} ${address}`) ?? {
      placement: { tenant, compartment: this.#deps.family, isolation, container: address },
      records: 0n,
      holds: [],
    };
    if ('records' in seen) found.records += seen.records;
    else if (!found.holds.includes(seen.thing)) found.holds.push(seen.thing);
    this.#found.set(`${tenant} ${address}`, found);
  }

  #isAsked(tenant: TenantId | undefined): boolean {
    return tenant !== undefined && (this.#asked === undefined || this.#asked.has(tenant));
  }

  #isToCount(tenant: TenantId | undefined): boolean {
    return tenant !== undefined && this.#isAsked(tenant) && this.#at.isMine(tenant);
  }

  get #isolation(): 'database' | 'dedicated' {
    return this.#at.role === 'dedicated' ? 'dedicated' : 'database';
  }

  get #prefix(): string {
    return this.#deps.roles.app.replace(/_app$/, '');
  }
}

/** Of a name that ends in an id's 32 hexadecimal digits. */
function tenantOf(name: string): TenantId | undefined {
  const [, ...parts] = /([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/.exec(name) ?? [];
  return parseTenantId(parts.join('-'));
}

const ownDatabasesText = `select d.datname::text as name from pg_database d where d.datname = any ($1::text[]) and (
    exists (select from pg_roles r where r.rolname = $2 || '_d_' || right(d.datname, 32))
    or exists (select from aclexplode(d.datacl) a join pg_roles r on r.oid = a.grantee
      where starts_with(r.rolname, $2 || '_')))
  order by d.datname`;

const schemasText = `select bool_or(nspname = $1) as mine,
    bool_or(nspname in ('tenant', 'vectors', 'memory') and nspname <> $1) as others from pg_namespace`;

const rolesText = `select rolname::text as name from pg_roles
  where starts_with(rolname, $1) and substr(rolname, length($1) + 1) ~ '^[0-9a-f]{32}$'`;

const wallText = `with found as (
    select tenant_id::text as tenant, schema_name::text as schema, 'admission' as thing from bulkhead_wall.tenant
      where $1::uuid[] is null or tenant_id = any ($1::uuid[])
    union
    select tenant_id::text, schema_name::text, 'notes of a move' from bulkhead_wall.move_change
      where $1::uuid[] is null or tenant_id = any ($1::uuid[])
    union
    select substr(t.tgname, 15, 32), n.nspname::text, 'triggers of a move' from pg_trigger t
      join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace
      where t.tgname ~ '^bulkhead_move_[0-9a-f]{32}_[wd]$'
    union
    select (regexp_match(c.relname, '_([0-9a-f]{32})(?:_|$)'))[1], n.nspname::text, 'index' from pg_class c
      join pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('i', 'I') and c.relname ~ '_[0-9a-f]{32}(_|$)')
  select tenant, schema, thing from found`;
