import { createHash, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { AdminDatabase } from '../../../src/drivers/sql.ts';
import type { AdoptPlan } from '../../../src/fleet/adopt/plan.ts';
import { openAdoption } from '../../../src/open-adoption.ts';
import type { Adoption } from '../../../src/fleet/adopt/adoption.ts';
import { newTestDatabase } from '../../support/node.ts';

export interface AdoptedDatabase extends AsyncDisposable {
  readonly url: string;
  readonly root: AdminDatabase;
  readonly adoption: Adoption;
}

/** A database of an application that has never heard of tenants. */
export async function openFixture(serverUrl: string, fixture: 'rental' | 'trade'): Promise<AdoptedDatabase> {
  const database = await newTestDatabase(serverUrl);
  await database.root.script(await readFile(new URL(`fixtures/${fixture}.sql`, import.meta.url), 'utf8'));
  const adoption = openAdoption(database.root);
  return {
    url: database.url,
    root: database.root,
    adoption,
    async [Symbol.asyncDispose]() {
      const roles = (await adoption.status())?.plan.roles;
      for (const role of roles === undefined ? [] : [roles.app, roles.group, roles.wall])
        await database.root
          .script(`drop owned by "${role}" cascade; drop role "${role}"`)
          .catch(() => undefined);
      await database[Symbol.asyncDispose]();
    },
  };
}

/** Everything that an application could notice of a schema: what an undo must bring back. */
export async function fingerprint(root: AdminDatabase): Promise<readonly string[]> {
  const { rows } = await root.query<{ line: string }>(`
    select 'column ' || c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull
        || ' ' || coalesce(pg_get_expr(d.adbin, d.adrelid), '') as line
      from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
      where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'v')
    union all
    select 'constraint ' || conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) || convalidated
      from pg_constraint where connamespace = 'public'::regnamespace
    union all
    select 'index ' || indexdef from pg_indexes where schemaname = 'public'
    union all
    select 'policy ' || polname from pg_policy
    union all
    select 'table ' || relname || relrowsecurity || coalesce(relacl, acldefault(case relkind when 'S' then 's' else 'r' end::"char", relowner))::text
      from pg_class where relnamespace = 'public'::regnamespace
    union all
    select 'schema ' || nspname || coalesce(nspacl::text, '') from pg_namespace where nspname !~ '^pg_'
    order by line`);
  return rows.map(({ line }) => line);
}

export async function countAll(root: AdminDatabase, tables: readonly string[]): Promise<number> {
  const parts = tables.map((name) => `select count(*) as n from "${name}"`);
  const { rows } = await root.query<{ n: number }>(
    `select sum(n)::integer as n from (${parts.join(' union all ')}) c`,
  );
  return rows[0]?.n ?? 0;
}

/** Runs one statement as the new role, with a capability for the tenant or with none. */
export async function asRole<T extends Record<string, unknown>>(
  root: AdminDatabase,
  plan: AdoptPlan,
  statement: { readonly tenant: string | undefined; readonly sql: string },
): Promise<readonly T[]> {
  return await root.transaction(async (tx) => {
    const token = randomBytes(32).toString('hex');
    if (statement.tenant !== undefined) {
      await tx.query(
        `insert into bulkhead_wall.tenant (tenant_id, schema_name) values ($1, $2) on conflict do nothing`,
        [statement.tenant, plan.schema],
      );
      await tx.query(
        `insert into bulkhead_wall.capability (digest, tenant_id, schema_name, expires_at) values ($1, $2, $3, now() + interval '1 hour')`,
        [createHash('sha256').update(token).digest(), statement.tenant, plan.schema],
      );
      await tx.query(`select set_config('bulkhead.capability', $1, true)`, [token]);
    }
    await tx.script(`set local role "${plan.roles.app}"; set local search_path = public, pg_temp`);
    const { rows } = await tx.query<T>(statement.sql);
    await tx.script('reset role');
    return rows;
  });
}
