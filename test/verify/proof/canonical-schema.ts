import { readFile } from 'node:fs/promises';
import type { MutationTarget } from '../../../src/verify/proof/mutations/mutation.ts';
import { bulkheadProof, wallContext, type ContainerToProve } from '../../../src/verify/proof/preset.ts';
import type { ProofOptions } from '../../../src/verify/proof/options.ts';

/** A schema of our own shape with one of everything that may be in it, and nothing wrong. */
export async function canonicalSchema(prefix: string): Promise<string> {
  const wallFile = new URL('../../../sql/wall/0001_wall.sql', import.meta.url);
  const names: Readonly<Record<string, string>> = {
    wall_role: `${prefix}_wall`,
    app_role: `${prefix}_group`,
  };
  const wall = (await readFile(wallFile, 'utf8')).replaceAll(
    /\{\{(\w+)\}\}/g,
    (whole, name: string) => names[name] ?? whole,
  );
  return `${roles(prefix)}\n${wall}\n${tables(prefix)}`;
}

function roles(prefix: string): string {
  return `
    create role ${prefix}_wall nologin;
    create role ${prefix}_group nologin;
    create role ${prefix}_app login noinherit;
    grant ${prefix}_group to ${prefix}_app with inherit true;
    do $$ begin
      execute format('revoke all on database %I from public', current_database());
      execute format('grant connect on database %I to ${prefix}_group', current_database());
    end $$;
    revoke all on schema public from public;`;
}

const own = `tenant_id = (select ${wallContext})`;

function walled(prefix: string, table: string, columns: readonly string[]): string {
  return `
    create policy bulkhead_open on ${table} as permissive for all to public using (true) with check (true);
    create policy bulkhead_wall on ${table} as restrictive for all to public using (${own}) with check (${own});
    alter table ${table} enable row level security, force row level security;
    ${columns.length === 0 ? '' : `grant select, insert, delete, update (${columns.join(', ')}) on ${table} to ${prefix}_app;`}`;
}

function tables(prefix: string): string {
  const tenant = `tenant_id uuid not null default ${wallContext}`;
  return `
    create schema shared;
    grant usage on schema shared to ${prefix}_app;

    create table shared.plan (code text primary key, seats integer);
    grant select on shared.plan to ${prefix}_app;

    create table shared.project (${tenant}, id uuid, name text not null, plan text references shared.plan, primary key (tenant_id, id), unique (tenant_id, name));
    ${walled(prefix, 'shared.project', ['id', 'name', 'plan'])}

    create table shared.task (${tenant}, id uuid, project uuid not null, parent uuid, title text, done boolean, primary key (tenant_id, id),
      foreign key (tenant_id, project) references shared.project on delete cascade,
      foreign key (tenant_id, parent) references shared.task (tenant_id, id));
    ${walled(prefix, 'shared.task', ['id', 'project', 'parent', 'title', 'done'])}
    create unique index task_title on shared.task (lower(title), tenant_id) where not done;

    create table shared.slot (${tenant}, id uuid, room text, primary key (id, tenant_id), exclude using btree (tenant_id with =, room with =));
    ${walled(prefix, 'shared.slot', ['id', 'room'])}

    create table shared.event (${tenant}, id uuid, at timestamptz not null, body jsonb, primary key (tenant_id, id, at)) partition by range (at);
    create table shared.event_2026 partition of shared.event for values from ('2026-01-01') to ('2027-01-01');
    create table shared.event_rest partition of shared.event default;
    ${walled(prefix, 'shared.event', ['id', 'at', 'body'])}
    ${walled(prefix, 'shared.event_2026', [])}
    ${walled(prefix, 'shared.event_rest', [])}

    create view shared.open_task with (security_invoker = true) as select id, title from shared.task where not done;
    create view shared.urgent_task with (security_invoker = on, security_barrier = true) as select * from shared.open_task where title like '!%';
    grant select on shared.open_task, shared.urgent_task to ${prefix}_app;

    create function shared.touch() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as 'begin return new; end';
    create trigger touch before update on shared.task for each row execute function shared.touch();`;
}

export function canonicalOptions(prefix: string, more: Partial<ContainerToProve> = {}): ProofOptions {
  return bulkheadProof({
    appRole: `${prefix}_app`,
    wallRole: `${prefix}_wall`,
    globalTables: ['shared.plan'],
    ...more,
  });
}

export function mutationTarget(prefix: string, table = 'task', column = 'title'): MutationTarget {
  return {
    role: `${prefix}_app`,
    schema: 'shared',
    table,
    tenantColumn: 'tenant_id',
    column,
    wall: 'bulkhead_wall',
    context: wallContext,
    contextFunction: wallContext,
    contextSetting: 'bulkhead.capability',
    globalTable: { schema: 'shared', name: 'plan' },
    privateTable: { schema: 'bulkhead_wall', name: 'capability' },
  };
}
