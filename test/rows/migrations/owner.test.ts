import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { applyMigrations } from '../../../src/compartments/rows/migrations/apply.ts';
import { compileMigrations } from '../../../src/compartments/rows/migrations/compile.ts';
import { quoteName } from '../../../src/compartments/rows/migrations/names.ts';
import { checkWalls } from '../../../src/compartments/rows/migrations/wall-check.ts';
import { openPostgresAdmin } from '../../../src/drivers/postgres/open.ts';
import type { AdminDatabase } from '../../../src/drivers/sql.ts';
import { describeWith } from '../../support/services.ts';
import { openPostgres, type TestDatabase } from './support/databases.ts';
import { folderOf } from './support/folders.ts';
import { createTenant, type Tenant } from './support/tenants.ts';

/** Managed servers give no superuser: the owner is behind forced row-level security like everybody else. */
describeWith('postgres', 'an owner who is no superuser', (url) => {
  let database: TestDatabase;
  let owner: AdminDatabase;
  let container: { schema: string; role: string };
  let tenant: Tenant;
  const name = `bht_owner_${randomBytes(6).toString('hex')}`;

  beforeAll(async () => {
    database = await openPostgres(url);
    container = await database.createContainer('shared');
    const password = randomBytes(12).toString('hex');
    await database.admin.script(`
      create role ${name} login createrole password '${password}';
      alter database ${quoteName(database.name)} owner to ${name};
      alter schema shared owner to ${name};
      grant usage on schema bulkhead_wall to ${name};
      grant select, insert on bulkhead_wall.migration to ${name};
      grant execute on function bulkhead_wall.current_tenant_id() to ${name};
      grant ${quoteName(container.role)} to ${name} with inherit false, set true;`);
    const own = new URL(url);
    own.pathname = `/${database.name}`;
    own.username = name;
    own.password = password;
    owner = openPostgresAdmin({ url: own.href, applicationName: 'test' });
    tenant = await createTenant(database.admin, container);
  });
  afterAll(async () => {
    await owner.close();
    await database.admin.script(
      `alter database ${quoteName(database.name)} owner to current_user; drop owned by ${name} cascade; drop role ${name}`,
    );
    await database[Symbol.asyncDispose]();
  });

  const texts = [
    'create table a (id uuid primary key, body text); create table b (id uuid primary key, a uuid);',
    'update a set body = upper(body);',
    'alter table b add constraint b_a_fkey foreign key (a) references a;',
    'alter table b add constraint later foreign key (a) references a not valid;',
    'alter table b validate constraint later;',
  ];

  test('compiles, applies and changes the rows of every tenant', async () => {
    const { migrations } = await compileMigrations(owner, [folderOf(...texts)]);
    await applyMigrations(owner, { ...container, migrations, upTo: 1 });
    await tenant.run(`insert into a values (default, gen_random_uuid(), 'x')`);
    await applyMigrations(owner, { ...container, migrations, upTo: 2 });
    await expect(tenant.run('select body from a')).resolves.toEqual([{ body: 'X' }]);
    await checkWalls(database.admin, { schemas: 'all', shared: [] });
  });

  test('a new foreign key is checked against the rows of every tenant', async () => {
    const { migrations } = await compileMigrations(owner, [folderOf(...texts)]);
    await tenant.run('insert into b values (default, gen_random_uuid(), gen_random_uuid())');
    await expect(applyMigrations(owner, { ...container, migrations })).rejects.toMatchObject({
      code: 'migration_refused',
      detail: { file: '0003_step.sql', line: 1 },
    });
    await checkWalls(database.admin, { schemas: 'all', shared: [] });
    await tenant.run('delete from b');
    await applyMigrations(owner, { ...container, migrations, upTo: 3 });
  });

  test('so is one that is validated later', async () => {
    const { migrations } = await compileMigrations(owner, [folderOf(...texts)]);
    await owner.script('alter table shared.b drop constraint b_a_fkey');
    await tenant.run('insert into b values (default, gen_random_uuid(), gen_random_uuid())');
    await applyMigrations(owner, { ...container, migrations, upTo: 4 });
    await expect(applyMigrations(owner, { ...container, migrations })).rejects.toMatchObject({
      detail: { file: '0005_step.sql', line: 1 },
    });
    await tenant.run('delete from b');
    await tenant.run(
      'insert into b select default_tenant, gen_random_uuid(), id from (select tenant_id as default_tenant, id from a) a',
    );
    expect((await applyMigrations(owner, { ...container, migrations })).applied.length).toBe(1);
  });
});
