import { sql as drizzleSql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { Kysely, PostgresDialect, sql as kyselySql } from 'kysely';
import type { PostgresOptions } from '../../src/drivers/postgres/open.ts';
import type { WallContext } from '../../src/drivers/sql.ts';
import { newPool, type Fixture } from './fixture.ts';

export const operations = ['select', 'list 20', 'insert'] as const;
export type Operation = (typeof operations)[number];

/** One way of asking for one tenant's data. */
export interface Contender {
  readonly name: string;
  run(operation: Operation, tenant: WallContext, id: number): Promise<unknown>;
  close(): Promise<void>;
}

const columns = 'id, title, body, created_at';

/** No wall at all: prepared statements that name the tenant. What everything else is measured against. */
export function rawPg(fixture: Fixture, connections: number, url = fixture.rawUrl): Contender {
  const pool = newPool(url, connections);
  const text: Readonly<Record<Operation, string>> = {
    select: `select ${columns} from doc where tenant_id = $1 and id = $2`,
    'list 20': `select ${columns} from doc where tenant_id = $1 and id > $2 order by id limit 20`,
    insert: `insert into doc (tenant_id, id, title, body) values ($1, $2, 'new', 'body')`,
  };
  return {
    name: 'raw pg',
    run: (operation, { tenantId }, id) =>
      pool.query({ name: operation, text: text[operation], values: [tenantId, id] }),
    close: () => pool.end(),
  };
}

const scopedText: Readonly<Record<Operation, string>> = {
  select: `select ${columns} from doc where id = $1`,
  'list 20': `select ${columns} from doc where id > $1 order by id limit 20`,
  insert: `insert into doc (tenant_id, id, title, body) values ($1, $2, 'new', 'body')`,
};

/** Ours: the capability and the statement in one round trip, behind row-level security. */
export function bulkhead(fixture: Fixture, options: Partial<PostgresOptions> = {}): Contender {
  const db = fixture.open(options);
  return {
    name: 'bulkhead',
    run: (operation, tenant, id) =>
      db.run(tenant, {
        text: scopedText[operation],
        values: operation === 'insert' ? [tenant.tenantId, id] : [id],
      }),
    close: () => db.close(),
  };
}

export function drizzleTransaction(fixture: Fixture, connections: number, url = fixture.url): Contender {
  const pool = newPool(url, connections);
  const db = drizzle({ client: pool });
  const statement: Readonly<
    Record<Operation, (id: number, tenantId: string) => ReturnType<typeof drizzleSql>>
  > = {
    select: (id) => drizzleSql`select id, title, body, created_at from doc where id = ${id}`,
    'list 20': (id) =>
      drizzleSql`select id, title, body, created_at from doc where id > ${id} order by id limit 20`,
    insert: (id, tenantId) =>
      drizzleSql`insert into doc (tenant_id, id, title, body) values (${tenantId}, ${id}, 'new', 'body')`,
  };
  return {
    name: 'Drizzle',
    run: (operation, { tenantId, capability }, id) =>
      db.transaction(async (tx) => {
        await tx.execute(drizzleSql`select set_config('bulkhead.capability', ${capability}, true)`);
        return tx.execute(statement[operation](id, tenantId));
      }),
    close: () => pool.end(),
  };
}

export function kyselyTransaction(fixture: Fixture, connections: number, url = fixture.url): Contender {
  const db = new Kysely<Record<string, never>>({
    dialect: new PostgresDialect({ pool: newPool(url, connections) }),
  });
  const statement: Readonly<
    Record<Operation, (id: number, tenantId: string) => ReturnType<typeof kyselySql>>
  > = {
    select: (id) => kyselySql`select id, title, body, created_at from doc where id = ${id}`,
    'list 20': (id) =>
      kyselySql`select id, title, body, created_at from doc where id > ${id} order by id limit 20`,
    insert: (id, tenantId) =>
      kyselySql`insert into doc (tenant_id, id, title, body) values (${tenantId}, ${id}, 'new', 'body')`,
  };
  return {
    name: 'Kysely',
    run: (operation, { tenantId, capability }, id) =>
      db.transaction().execute(async (tx) => {
        await kyselySql`select set_config('bulkhead.capability', ${capability}, true)`.execute(tx);
        return statement[operation](id, tenantId).execute(tx);
      }),
    close: () => db.destroy(),
  };
}
