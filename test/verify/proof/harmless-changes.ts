import type { ContainerToProve } from '../../../src/verify/proof/preset.ts';

/** Changes to the canonical schema that no proof may complain of. `{{app}}` stands for the login. */
export const harmlessChanges: readonly {
  readonly name: string;
  readonly sql: string;
  readonly options?: Partial<ContainerToProve>;
}[] = [
  {
    name: 'a permissive policy that lets everything through, beside the wall',
    sql: 'create policy everything on shared.task using (true) with check (true)',
  },
  {
    name: 'a wall by another name',
    sql: 'alter policy bulkhead_wall on shared.task rename to our_wall',
  },
  {
    name: 'a wall that leaves WITH CHECK to USING',
    sql: `drop policy bulkhead_wall on shared.task;
      create policy bulkhead_wall on shared.task as restrictive using (tenant_id = (select bulkhead_wall.current_tenant_id()))`,
  },
  { name: 'a table nobody was granted', sql: 'create table shared.internal (body text)' },
  {
    name: 'a table in a schema the login may not use',
    sql: 'create schema back; create table back.office (body text); grant select on back.office to {{app}}',
  },
  {
    name: 'a materialized view nobody was granted',
    sql: 'create materialized view shared.totals as select count(*) from shared.task',
  },
  {
    name: 'a definer function the login may not call',
    sql: `create function shared.count_all() returns bigint language sql security definer as 'select 1::bigint';
      revoke all on function shared.count_all() from public`,
  },
  {
    name: 'a definer function that was read',
    sql: `create function shared.one() returns integer language sql security definer set search_path = pg_catalog, pg_temp as 'select 1'`,
    options: {
      definers: [{ signature: 'shared.one()', md5: ['95adb6e77a0884d9e50232cb8c5c969d'] }],
    },
  },
  { name: 'a limit on the login', sql: `alter role {{app}} set statement_timeout = '5s'` },
  {
    name: 'a membership without any right',
    sql: `create role {{app}}_strong nologin bypassrls;
      grant {{app}}_strong to {{app}} with inherit false, set false, admin false`,
  },
  {
    name: 'default privileges for somebody else',
    sql: 'create role {{app}}_reader nologin; alter default privileges grant select on tables to {{app}}_reader',
  },
  {
    name: 'a publication with a row filter',
    sql: `create publication one_tenant for table shared.task where (tenant_id = '00000000-0000-4000-8000-000000000000')`,
  },
  {
    name: 'a publication that was declared',
    sql: 'create publication a_move for table shared.task',
    options: { publications: ['a_move'] },
  },
  { name: 'a large object of somebody else', sql: `select lo_from_bytea(0, 'x')` },
  { name: 'a sequence nobody was granted', sql: 'create sequence shared.number' },
  {
    name: 'a view for everybody that reads as who asks',
    sql: 'create view shared.mine with (security_invoker) as select * from shared.project; grant select on shared.mine to public',
  },
  {
    name: 'a key from the tenant column alone',
    sql: `create table bulkhead_wall.directory (tenant_id uuid primary key);
      alter table shared.task add foreign key (tenant_id) references bulkhead_wall.directory`,
  },
];
