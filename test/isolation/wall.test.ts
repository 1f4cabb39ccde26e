import { createHash, randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Tenant } from '../../src/core/tenant.ts';
import { newTestDatabase, newTestNode, type TestDatabase, type TestNode } from '../support/node.ts';
import { describeWith } from '../support/services.ts';

/** Straight to the server with the tenants' own login, past all of our code: what is left is the wall. */
describeWith('postgres', 'the wall, attacked with the tenants’ own login', (url) => {
  let database: TestDatabase;
  let bed: TestNode;
  let a: Tenant;
  let b: Tenant;
  let walledOff: Tenant;
  let client: pg.Client;
  let prefix: string;

  beforeAll(async () => {
    database = await newTestDatabase(url);
    bed = await newTestNode({ databaseUrl: database.url });
    prefix = bed.node.registry.rolePrefix;
    [a, b, walledOff] = [await bed.tenant('shared'), await bed.tenant('shared'), await bed.tenant('schema')];
    for (const tenant of [a, b, walledOff])
      await bed.node.run(tenant.id, async (scope) => {
        await using rows = await bed.node.rows.open(scope);
        await rows
          .table('documents')
          .create({ title: `of ${tenant.slug}`, content: 'x', external_id: 'same' });
      });
    const login = new URL(database.url);
    login.username = `${prefix}_app`;
    login.password = (await bed.node.registry.vault.get('server:main', 'rows-login')) ?? '';
    client = new pg.Client({ connectionString: login.href });
    await client.connect();
  });
  afterAll(async () => {
    await client.end();
    await bed[Symbol.asyncDispose]();
    await database[Symbol.asyncDispose]();
  });

  /** A live capability of the tenant, as a node would hold it. */
  async function capability(tenant: Tenant, ttl = '1 hour'): Promise<string> {
    const token = randomBytes(32).toString('hex');
    await database.root.query(
      `insert into bulkhead_wall.capability (digest, tenant_id, expires_at) values ($1, $2, now() + $3::interval)`,
      [createHash('sha256').update(token).digest(), tenant.id, ttl],
    );
    return token;
  }

  async function as<T>(context: Record<string, string>, work: () => Promise<T>): Promise<T> {
    await client.query('begin');
    try {
      for (const [name, value] of Object.entries(context))
        await client.query('select set_config($1, $2, true)', [name, value]);
      return await work();
    } finally {
      await client.query('rollback');
    }
  }
  const titles = async (): Promise<string[]> =>
    (await client.query<{ title: string }>('select title from documents')).rows.map((row) => row.title);

  test('a live capability shows its own tenant, all of it and nothing else', async () => {
    expect(await as({ 'bulkhead.capability': await capability(a) }, titles)).toEqual([`of ${a.slug}`]);
    expect(await as({ 'bulkhead.capability': await capability(b) }, titles)).toEqual([`of ${b.slug}`]);
  });

  test.each([
    ['nothing', {}],
    ['the empty text', { 'bulkhead.capability': '' }],
    [
      'the plain tenant id under both names the field uses',
      { 'app.tenant_id': 'B', 'app.current_tenant': 'B' },
    ],
  ])('with %s in the context nothing is seen', async (_, context) => {
    const named = Object.fromEntries(
      Object.entries(context).map(([name, value]) => [name, value === 'B' ? b.id : value]),
    );
    expect(await as(named, titles)).toEqual([]);
  });

  test('forged, altered, truncated, foreign, digested and expired capabilities are refused', async () => {
    const live = await capability(a);
    const last = live.endsWith('0') ? '1' : '0';
    const forged = [
      randomBytes(32).toString('hex'),
      `${live.slice(0, -1)}${last}`,
      live.slice(0, -1),
      live.toUpperCase(),
      `${live} `,
      b.id,
      createHash('sha256').update(live).digest('hex'),
      `' or true --`,
      await capability(a, '-1 second'),
    ];
    for (const token of forged)
      await expect(as({ 'bulkhead.capability': token }, titles)).rejects.toMatchObject({ code: 'BH001' });
  });

  test('a revoked capability ends in the middle of a transaction', async () => {
    const token = await capability(a);
    await as({ 'bulkhead.capability': token }, async () => {
      expect(await titles()).toHaveLength(1);
      await database.root.query('delete from bulkhead_wall.capability where digest = $1', [
        createHash('sha256').update(token).digest(),
      ]);
      await expect(titles()).rejects.toMatchObject({ code: 'BH001' });
    });
  });

  test('a context ends with its transaction, whatever ends it', async () => {
    const token = await capability(a);
    for (const end of ['commit', 'rollback', 'select 1/0']) {
      await client.query('begin');
      await client.query(`select set_config('bulkhead.capability', $1, true)`, [token]);
      expect(await titles()).toHaveLength(1);
      await client.query(end).catch(() => client.query('rollback'));
      expect(await titles()).toEqual([]);
    }
  });

  test('one statement cannot change its own context on the way', async () => {
    const [mine, theirs] = [await capability(a), await capability(b)];
    // Even a stolen live token, set inside the statement, shows one tenant and never both.
    const seen = await as({ 'bulkhead.capability': mine }, async () => {
      const { rows } = await client.query<{ title: string }>(
        `with switched as materialized (select set_config('bulkhead.capability', $1, true)) select d.title from switched, documents d`,
        [theirs],
      );
      return rows.map((row) => row.title);
    });
    expect(seen).toHaveLength(1);
  });

  test.each([
    'alter table shared.documents disable row level security',
    'alter table shared.documents no force row level security',
    'drop policy bulkhead_wall on shared.documents',
    'create policy open on shared.documents for all using (true)',
    'truncate shared.documents',
    'create table shared.mine (a int)',
    'create temporary table mine (a int)',
    'create function shared.f() returns int language sql as $$ select 1 $$',
    'create schema mine',
    'drop function bulkhead_wall.current_tenant_id()',
    'create or replace function bulkhead_wall.current_tenant_id() returns uuid language sql as $$ select null::uuid $$',
    'select * from bulkhead_wall.capability',
    'select * from bulkhead_wall.tenant',
    "insert into bulkhead_wall.capability values (sha256('x'), gen_random_uuid(), now())",
    'select * from bulkhead.api_key',
    'select * from bulkhead.tenant',
    'select * from bulkhead.credential',
    `copy shared.documents to '/tmp/leak'`,
    `select pg_read_file('/etc/passwd')`,
    `select lo_import('/etc/passwd')`,
    'update shared.documents set tenant_id = gen_random_uuid()',
    'set role postgres',
    'set session authorization postgres',
    'alter role current_user superuser',
    'set session_replication_role = replica',
    'select * from pg_authid',
  ])('%s is refused', async (statement) => {
    await expect(
      as({ 'bulkhead.capability': await capability(a) }, () => client.query(statement)),
    ).rejects.toMatchObject({
      code: expect.stringMatching(/^(?:42501|42P01|3F000|22023|28000|0LP01|42704)$/),
    });
  });

  test('row_security = off raises an error and never opens', async () => {
    await expect(
      as({ row_security: 'off', 'bulkhead.capability': await capability(a) }, titles),
    ).rejects.toMatchObject({ code: '42501' });
  });

  test('a schema of another tenant cannot be read by its qualified name, nor by becoming its role', async () => {
    const schema = `tenant_${walledOff.id.replaceAll('-', '')}`;
    const role = `${prefix}_s${schema.slice(6)}`;
    const mine = await capability(a);
    await expect(
      as({ 'bulkhead.capability': mine }, () => client.query(`select * from ${schema}.documents`)),
    ).rejects.toMatchObject({ code: '42501' });
    const { rows } = await as({ role, 'bulkhead.capability': mine }, () =>
      client.query(`select * from ${schema}.documents`),
    );
    expect(rows).toEqual([]);
  });

  test('the login is weak: no attribute, no ownership, no way to PUBLIC’s old rights', async () => {
    const { rows } = await database.root.query(
      `select rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls,
              (select count(*)::int from pg_class c where c.relowner = r.oid) as owned,
              has_database_privilege(r.rolname, current_database(), 'TEMPORARY') as temp,
              has_database_privilege(r.rolname, current_database(), 'CREATE') as create_in_database,
              has_schema_privilege(r.rolname, 'shared', 'CREATE') as create_in_schema
         from pg_roles r where rolname = $1`,
      [`${prefix}_app`],
    );
    expect(rows).toEqual([
      {
        rolsuper: false,
        rolcreaterole: false,
        rolcreatedb: false,
        rolreplication: false,
        rolbypassrls: false,
        owned: 0,
        temp: false,
        create_in_database: false,
        create_in_schema: false,
      },
    ]);
  });

  test('the wall is evaluated once a statement and its tenant condition uses the key’s index', async () => {
    const plan = await as({ 'bulkhead.capability': await capability(a), enable_seqscan: 'off' }, async () => {
      const { rows } = await client.query<{ 'QUERY PLAN': string }>(
        'explain (costs off) select * from documents where tenant_id = $1 and id = $2',
        [a.id, b.id],
      );
      return rows.map((row) => row['QUERY PLAN']).join('\n');
    });
    expect(plan).toMatch(/InitPlan/);
    expect(plan).toMatch(/Index Scan using \w+ on documents/);
    expect(plan).not.toMatch(/SubPlan/);
  });

  test('a prepared statement carries nothing from one tenant to the next', async () => {
    const statement = { name: 'replayed', text: 'select title from documents', values: [] };
    for (let round = 0; round < 12; round += 1) {
      const tenant = round % 2 === 0 ? a : b;
      const { rows } = await as({ 'bulkhead.capability': await capability(tenant) }, () =>
        client.query<{ title: string }>(statement),
      );
      expect(rows).toEqual([{ title: `of ${tenant.slug}` }]);
    }
  });

  describe('a database of one’s own', () => {
    test('refuses every other login, and its login refuses every other database', async () => {
      const own = await bed.tenant('database');
      const name = `tenant_${own.id.replaceAll('-', '')}`;
      const login = new URL(url);
      login.username = `${prefix}_d${name.slice(6)}`;
      login.password = (await bed.node.registry.vault.get(own.id, 'rows-login')) ?? '';
      const connect = async (role: URL, target: string): Promise<string> => {
        const address = new URL(role);
        address.pathname = `/${target}`;
        const connection = new pg.Client({ connectionString: address.href });
        try {
          await connection.connect();
          return 'connected';
        } catch (cause) {
          return cause instanceof Error && 'code' in cause ? String(cause.code) : 'refused';
        } finally {
          await connection.end().catch(() => undefined);
        }
      };
      const shared = new URL(url);
      shared.username = `${prefix}_app`;
      shared.password = (await bed.node.registry.vault.get('server:main', 'rows-login')) ?? '';
      expect(await connect(login, name)).toBe('connected');
      expect(await connect(login, new URL(database.url).pathname.slice(1))).toBe('42501');
      expect(await connect(shared, name)).toBe('42501');
    });

    test('gets a new password while its traffic goes on, and the old one ends', async () => {
      const own = await bed.tenant('database');
      const before = await bed.node.registry.vault.get(own.id, 'rows-login');
      let served = 0;
      let stop = false;
      const traffic = Promise.all(
        Array.from({ length: 4 }, async () => {
          while (!stop)
            await bed.node
              .run(own.id, async (scope) => {
                await using rows = await bed.node.rows.open(scope);
                await rows.table('documents').count();
                served += 1;
              })
              // Whoever asks while its connection is cut is told so, and asks again.
              .catch((cause: unknown) => expect(cause).toMatchObject({ code: 'compartment_unreachable' }));
        }),
      );
      await bed.node.rows.rotateCredential(await bed.node.scope(own.id));
      await database.root
        .query('select pg_terminate_backend(pid) from pg_stat_activity where usename like $1', [
          `%_d_${own.id.replaceAll('-', '')}`,
        ])
        .catch(() => undefined);
      const atRotation = served;
      while (served < atRotation + 50) await new Promise((resolve) => setTimeout(resolve, 5));
      stop = true;
      await traffic;
      expect(await bed.node.registry.vault.get(own.id, 'rows-login')).not.toBe(before);
    });
  });
});
