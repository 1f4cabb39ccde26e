import type { ConditionId } from '../../../src/verify/proof/finding.ts';
import type { ProofOptions } from '../../../src/verify/proof/options.ts';

/** Schemas of other people's making. `app` and `owner` stand for roles; the login under proof is `app`. */
export interface HandwrittenSchema {
  readonly name: string;
  readonly sql: string;
  readonly options?: Partial<ProofOptions>;
}

export interface LeakingSchema extends HandwrittenSchema {
  readonly attack: string;
  readonly expect: ConditionId;
}

const setting = `current_setting('app.tenant_id')::uuid`;
const named: Partial<ProofOptions> = { context: setting };

/** A table of the usual kind, with row-level security but no policy yet. */
function note(columns = 'tenant_id uuid not null, id uuid not null'): string {
  return `
    create table public.note (${columns}, body text, is_public boolean, author text, primary key (tenant_id, id));
    alter table public.note owner to {{owner}};
    alter table public.note enable row level security, force row level security;
    grant select, insert, delete, update (body, is_public) on public.note to {{app}};`;
}

/** Right, if unusual: nothing may be found. */
export const soundSchemas: readonly HandwrittenSchema[] = [
  {
    name: 'one permissive policy on a setting',
    sql: `${note()} create policy tenant on public.note using (tenant_id = ${setting});`,
    options: named,
  },
  {
    name: 'the context is found in the policies',
    sql: `${note()} create policy tenant on public.note to {{app}} using (tenant_id = ${setting});`,
  },
  {
    name: 'operands the other way round, casts on the column, blanks as null',
    sql: `${note()} create policy tenant on public.note
      using (nullif(current_setting('app.tenant_id', true), '') = tenant_id::text)
      with check (tenant_id = (select current_setting('app.tenant_id', true))::uuid);`,
    options: named,
  },
  {
    name: 'a policy per command',
    sql: `${note()}
      create policy a on public.note for select to {{app}} using (tenant_id = ${setting});
      create policy b on public.note for insert to {{app}} with check (tenant_id = ${setting});
      create policy c on public.note for update to {{app}} using (tenant_id = ${setting} and not is_public);
      create policy d on public.note for delete to {{app}} using (${setting} = tenant_id);`,
    options: named,
  },
  {
    name: 'the wall in every arm of an OR',
    sql: `${note()} create policy tenant on public.note
      using ((tenant_id = ${setting} and is_public) or (author = current_setting('app.user') and tenant_id = ${setting}));`,
    options: named,
  },
  {
    name: 'an open policy behind a restrictive wall',
    sql: `${note()}
      create policy readers on public.note for select using (true);
      create policy writers on public.note using (is_public) with check (true);
      create policy wall on public.note as restrictive to {{app}} using (tenant_id = ${setting});`,
    options: named,
  },
  {
    name: 'no policy at all shows nothing',
    sql: note(),
    options: named,
  },
  {
    name: 'a function of the application’s own, given without its schema',
    sql: `create schema auth; grant usage on schema auth to {{app}};
      create function auth.tenant() returns uuid language sql stable as $$ select ${setting} $$;
      ${note()} create policy tenant on public.note using (tenant_id = (select auth.tenant()));`,
    options: { context: 'tenant()' },
  },
  {
    name: 'a claim in a JSON web token',
    sql: `create schema auth; grant usage on schema auth to {{app}};
      create function auth.jwt() returns jsonb language sql stable as $$ select current_setting('request.jwt.claims', true)::jsonb $$;
      ${note()} create policy tenant on public.note to {{app}} using (tenant_id = ((select auth.jwt()) ->> 'tenant_id')::uuid);`,
    options: { context: `(auth.jwt() ->> 'tenant_id')::uuid` },
  },
  {
    name: 'a login per tenant',
    sql: `${note('tenant_id name not null, id uuid not null')} create policy tenant on public.note using (tenant_id = current_user);`,
    options: { context: 'current_user' },
  },
  {
    name: 'a list or an array of one',
    sql: `${note('tenant_id bigint not null, id uuid not null')}
      create policy tenant on public.note using (tenant_id in (current_setting('app.tenant_id')::bigint))
      with check (tenant_id = any (array[current_setting('app.tenant_id')::int8]));`,
    options: { context: `current_setting('app.tenant_id')::bigint` },
  },
  {
    name: 'IS NOT DISTINCT FROM on a column that is never null',
    sql: `${note()} create policy tenant on public.note using (tenant_id is not distinct from ${setting});`,
    options: named,
  },
  {
    name: 'membership narrows what the wall lets through',
    sql: `${note()}
      create table public.member (tenant_id uuid not null, login text not null, primary key (tenant_id, login));
      alter table public.member enable row level security, force row level security;
      create policy tenant on public.member using (tenant_id = ${setting});
      grant select on public.member to {{app}};
      create policy tenant on public.note
        using (tenant_id = ${setting} and exists (select from public.member m where m.login = author));`,
    options: named,
  },
  {
    name: 'partitions nobody can name',
    sql: `
      create table public.event (org_id bigint not null, at date not null, body text) partition by range (at);
      create table public.event_2026 partition of public.event for values from ('2026-01-01') to ('2027-01-01');
      alter table public.event enable row level security, force row level security;
      create policy tenant on public.event using (org_id = current_setting('app.org')::bigint);
      grant select, insert on public.event to {{app}};`,
    options: { tenantColumn: 'org_id', context: `current_setting('app.org', true)::bigint` },
  },
  {
    name: 'names that need quotes',
    sql: `create schema "My Schema"; grant usage on schema "My Schema" to {{app}};
      create table "My Schema"."Order" ("TenantId" uuid not null, "Id" uuid not null, primary key ("TenantId", "Id"));
      alter table "My Schema"."Order" enable row level security, force row level security;
      create policy "Only ours" on "My Schema"."Order" using ("TenantId" = ${setting});
      grant select, insert, delete on "My Schema"."Order" to {{app}};`,
    options: { ...named, tenantColumn: 'TenantId' },
  },
  {
    name: 'a view whose owner is held by the wall himself, as before PostgreSQL 15',
    sql: `${note()} create policy tenant on public.note using (tenant_id = ${setting});
      create view public.short_note as select id, left(body, 20) from public.note; alter view public.short_note owner to {{owner}};
      create view public.public_note as select * from public.short_note; alter view public.public_note owner to {{owner}};
      grant select on public.short_note, public.public_note to {{app}};`,
    options: named,
  },
  {
    name: 'an analyst who sees everything, and whom the login cannot become',
    sql: `${note()} create role {{app}}_analyst nologin; grant select on public.note to {{app}}_analyst;
      create policy tenant on public.note to {{app}} using (tenant_id = ${setting});
      create policy analyst on public.note for select to {{app}}_analyst using (true);`,
    options: named,
  },
  {
    name: 'a role in between that has the grants, and the wall',
    sql: `${note()} create role {{app}}_writer nologin; grant {{app}}_writer to {{app}};
      revoke all on public.note from {{app}}; grant select, insert on public.note to {{app}}_writer;
      create policy tenant on public.note to {{app}}_writer using (tenant_id = ${setting});`,
    options: named,
  },
  {
    name: 'global tables, keys to them, and a table out of reach',
    sql: `create table public.country (code text primary key); grant select on public.country to {{app}};
      create table public.secret (body text);
      ${note()} alter table public.note add column country text references public.country;
      create policy tenant on public.note using (tenant_id = ${setting});`,
    options: { ...named, globalTables: ['country'] },
  },
];

/** Wrong in one way each. */
export const leakingSchemas: readonly LeakingSchema[] = [
  leak('a second permissive policy lets public rows through', 'A5', 'S06', [
    `create policy tenant on public.note using (tenant_id = ${setting})`,
    `create policy shared on public.note for select using (is_public)`,
  ]),
  leak('one arm of the OR has no wall', 'A5', 'S06', [
    `create policy tenant on public.note using (tenant_id = ${setting} or is_public)`,
  ]),
  leak('an administrator’s setting opens the wall', 'A6', 'S06', [
    `create policy tenant on public.note using (tenant_id = ${setting} or current_setting('app.admin', true) = 'yes')`,
  ]),
  leak('rows can be written for others', 'A7', 'S06', [
    `create policy tenant on public.note using (tenant_id = ${setting}) with check (true)`,
  ]),
  leak('DELETE was forgotten', 'A7', 'S06', [
    `create policy r on public.note for select using (tenant_id = ${setting})`,
    `create policy d on public.note for delete using (true)`,
  ]),
  leak('the check looks at another column', 'A7', 'S06', [
    `create policy r on public.note for select using (tenant_id = ${setting})`,
    `create policy a on public.note for insert with check (id = ${setting})`,
  ]),
  leak('no context is every tenant', 'A27', 'S06', [
    `create policy tenant on public.note using (tenant_id = coalesce(nullif(current_setting('app.tenant_id', true), '')::uuid, tenant_id))`,
  ]),
  leak('an unset context opens the wall', 'A27', 'S06', [
    `create policy tenant on public.note using (tenant_id = ${setting} or current_setting('app.tenant_id', true) is null)`,
  ]),
  leak('the comparison is cut short', 'A6', 'S06', [
    `create policy tenant on public.note using (tenant_id::varchar(8) = current_setting('app.tenant_id')::varchar(8))`,
  ]),
  leak('the policy trusts another setting than the context', 'A6', 'S06', [
    `create policy tenant on public.note using (tenant_id = current_setting('app.other')::uuid)`,
  ]),
  leak('the wall holds for the login but not for a role it can become', 'A16', 'S06', [
    `create role {{app}}_batch nologin`,
    `alter role {{app}} noinherit`,
    `grant {{app}}_batch to {{app}}`,
    `grant select on public.note to {{app}}_batch`,
    `create policy everything on public.note using (true)`,
    `create policy wall on public.note as restrictive to {{app}} using (tenant_id = ${setting})`,
  ]),
  leak('the tenants of a table that tenants write', 'A26', 'S25', [
    `create table public.member (tenant_id uuid not null, login text not null, primary key (tenant_id, login))`,
    `alter table public.member enable row level security, force row level security`,
    `create policy tenant on public.member using (tenant_id = ${setting})`,
    `grant select, insert on public.member to {{app}}`,
    `create policy tenant on public.note using (tenant_id in (select m.tenant_id from public.member m where m.login = current_user))`,
  ]),
  leak('a view reads as a superuser', 'A8', 'S09', [
    `create policy tenant on public.note using (tenant_id = ${setting})`,
    `create view public.all_note as select * from public.note`,
    `grant select on public.all_note to {{app}}`,
  ]),
  leak('a view reads as the owner of a table that is not forced', 'A8', 'S09', [
    `create policy tenant on public.note using (tenant_id = ${setting})`,
    `alter table public.note no force row level security`,
    `create view public.all_note as select * from public.note`,
    `alter view public.all_note owner to {{owner}}`,
    `grant select on public.all_note to {{app}}`,
  ]),
  leak('a view below a view shows a table nobody declared', 'A8', 'S09', [
    `create table public.log (body text)`,
    `create view public.inner_log as select * from public.log`,
    `create view public.outer_log as select * from public.inner_log`,
    `grant select on public.outer_log to {{app}}`,
  ]),
  leak('the primary key is a number alone', 'A20', 'S15', [
    `create table public.counted (id bigint primary key, tenant_id uuid not null)`,
    `alter table public.counted enable row level security, force row level security`,
    `create policy tenant on public.counted using (tenant_id = ${setting})`,
    `grant select, insert on public.counted to {{app}}`,
  ]),
  leak('the default search_path of a definer function', 'A11', 'S11', [
    `create policy tenant on public.note using (tenant_id = ${setting})`,
    `create function public.count_all() returns bigint language sql security definer as 'select count(*) from note'`,
  ]),
];

function leak(
  name: string,
  attack: string,
  expect: ConditionId,
  statements: readonly string[],
): LeakingSchema {
  return { name, attack, expect, sql: `${note()} ${statements.join('; ')};`, options: named };
}
