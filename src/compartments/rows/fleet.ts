import { BulkheadError } from '../../core/errors.ts';
import { toVersion, upTo, type SchemaVersion } from '../../core/schema-version.ts';
import type { AdminDatabase } from '../../drivers/sql.ts';
import {
  containerSchemaCondition,
  parseAddress,
  roleOf,
  schemaOf,
  sharedContainer,
  toContainerAddress,
  type RowsContainer,
} from './container.ts';
import { expectedFacts, readContainerFacts, type ContainerFact } from './container-facts.ts';
import type { RowsDeps } from './deps.ts';
import { applyMigrations } from './migrations/apply.ts';
import type { CompiledMigration } from './migrations/compile.ts';
import { toScript } from './migrations/script.ts';
import { findWallProblems } from './migrations/wall-check.ts';

interface Described {
  readonly address: string;
  readonly kind: RowsContainer['kind'];
  readonly sets: readonly string[];
  readonly server: string;
  readonly database: string;
  readonly schema: string;
}

interface Work {
  readonly container: Described;
  readonly migrations: readonly Pick<CompiledMigration, 'set' | 'number'>[];
}

/** A compartment of tables, as far as the fleet is concerned with it. */
export interface FleetFamily {
  readonly deps: RowsDeps;
  /** Names of its declared shared tables. */
  readonly shared: readonly string[];
}

/** Several containers wait for each other's locks inside one transaction: rather none of them than long. */
const togetherLockMs = 100;

/**
 * Containers of all compartments that keep tables, as the loops over the whole fleet see them: by address, and a database
 * at a time.
 * @param families at least one; no two have a set of migrations of one name
 */
export function createRowsFleet(families: readonly FleetFamily[]) {
  const known = families.flatMap(({ deps }) => deps.migrations);
  const shared = families.flatMap((family) => family.shared);
  const setsOf = new Map(
    families.map(({ deps }) => [deps.family, [...new Set(deps.migrations.map(({ set }) => set))]]),
  );
  const of = (address: string): { readonly deps: RowsDeps; readonly container: RowsContainer } => {
    const container = parseAddress(address);
    const found = families.find(({ deps }) => deps.family === container.family);
    if (found === undefined)
      throw new BulkheadError('internal', { reason: 'a container of an unknown compartment' });
    return { deps: found.deps, container };
  };
  const describe = (address: string): Described => {
    const { container } = of(address);
    const { kind, server, family } = container;
    const database = kind === 'database' ? `${server}/${container.database}` : server;
    const sets = setsOf.get(family) ?? [];
    return { address, kind, sets, server, database, schema: schemaOf(container) };
  };
  const withDatabase = async <T>(
    { address }: Described,
    body: (admin: AdminDatabase) => Promise<T>,
  ): Promise<T> => {
    const { deps, container } = of(address);
    const server = await deps.servers.server(container.server);
    return container.kind === 'database' ? server.withAdmin(container.database, body) : body(server.pool);
  };
  const target = (address: string): { schema: string; role: string } => {
    const { deps, container } = of(address);
    return { schema: schemaOf(container), role: roleOf(container, deps.roles) };
  };
  const compiled = (asked: Work['migrations']): readonly CompiledMigration[] =>
    asked.map((wanted) => {
      const found = known.find(({ set, number }) => set === wanted.set && number === wanted.number);
      if (found === undefined) throw new BulkheadError('internal', { reason: 'an unknown migration' });
      return found;
    });

  const migrate = (work: Work): Promise<unknown> => {
    // With those before them, so that one that was edited since is noticed.
    const all = upTo(toVersion(work.migrations), known);
    return withDatabase(work.container, (admin) =>
      applyMigrations(admin, { ...target(work.container.address), migrations: all }),
    );
  };

  return {
    migrations: known,
    kinds: families.map(({ deps }) => deps.family),
    describe,
    sharedOn: (server: string) =>
      describe(toContainerAddress(sharedContainer('rows', { server, number: 1 }))),
    read: (one: Described) =>
      withDatabase(one, async (admin) => {
        const { rows } = await admin.query<ReadingRow>(readingQuery, [
          known.map(({ set }) => set),
          known.map(({ number }) => number),
          known.map(({ sha256 }) => sha256),
        ]);
        return rows;
      }),
    migrateTogether: async (work: readonly Work[]) => {
      const [first] = work;
      if (first === undefined) return;
      const all = work.map((one) => ({ one, migrations: compiled(one.migrations) }));
      // An extension is the database's, not the container's: it is put there first, by the way of one at a time.
      if (all.some(({ migrations }) => migrations.some(({ extensions }) => extensions.length > 0))) {
        for (const { one } of all) await migrate(one);
        return;
      }
      const scripts = all.map(({ one, migrations }) =>
        toScript({ ...target(one.container.address), lockTimeoutMs: togetherLockMs }, migrations),
      );
      await withDatabase(first.container, (admin) => admin.script(scripts.join(';\n')));
    },
    migrate: async (work: Work) => void (await migrate(work)),
    toSql: (work: Work) => `${toScript(target(work.container.address), compiled(work.migrations))};`,
    prove: async (containers: readonly Described[]): Promise<ReadonlyMap<string, string>> => {
      const [first] = containers;
      if (first === undefined) return new Map();
      const schemas = containers.map(({ schema }) => schema);
      const problems = await withDatabase(first, (admin) => findWallProblems(admin, { schemas, shared }));
      const bySchema = Map.groupBy(problems, ({ schema }) => schema);
      return new Map(
        containers.flatMap(({ address, schema }) => {
          const found = bySchema.get(schema);
          return found === undefined
            ? []
            : [[address, found.map(({ name, problem }) => `${name} ${problem}`).join('; ')] as const];
        }),
      );
    },
    facts: async (
      containers: readonly Described[],
    ): Promise<ReadonlyMap<string, readonly ContainerFact[]>> => {
      const [first] = containers;
      if (first === undefined) return new Map();
      const asked = containers.map(({ address }) => target(address));
      const found = await withDatabase(first, (admin) =>
        admin.transaction((tx) => readContainerFacts(tx, asked)),
      );
      return new Map(containers.map(({ address, schema }) => [address, found.get(schema) ?? []]));
    },
    expected: async (server: string, wanted: Work['migrations']) => {
      const [first] = families;
      if (first === undefined) return [];
      const { pool } = await first.deps.servers.server(server);
      return await expectedFacts(pool, compiled(wanted));
    },
  };
}

interface ReadingRow extends Record<string, unknown> {
  readonly schema: string;
  readonly version: SchemaVersion;
  readonly edited: number;
  readonly known: number;
}

/** One query for all containers of a database. A schema without a migration is one that is still being made. */
const readingQuery = `
with expected as materialized (select * from unnest($1::text[], $2::integer[], $3::text[]) as e (set_name, number, sha256)),
applied as materialized (
  select m.schema_name, m.set_name, max(m.number) as last, count(e.number)::integer as known,
    count(*) filter (where m.sha256 <> e.sha256)::integer as edited
  from bulkhead_wall.migration m
  left join expected e on e.set_name = m.set_name and e.number = m.number
  group by m.schema_name, m.set_name
)
select n.nspname::text as schema,
  coalesce(jsonb_object_agg(a.set_name, a.last) filter (where a.set_name is not null), '{}') as version,
  coalesce(sum(a.edited), 0)::integer as edited, coalesce(sum(a.known), 0)::integer as known
from pg_namespace n
left join applied a on a.schema_name = n.nspname
where ${containerSchemaCondition}
group by n.nspname
order by n.nspname::text collate "C"`;
