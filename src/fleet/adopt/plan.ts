import type { TenantId } from '../../core/ids.ts';
import type { SchemaFacts, TableFact } from './facts.ts';
import { toKeySteps } from './key-steps.ts';
import type { Obstacle } from './obstacles.ts';
import { findObstacles } from './obstacles.ts';
import { columnList, literal, quote } from './sql-text.ts';

export const phases = ['column', 'backfill', 'not-null', 'keys', 'wall', 'cut-over'] as const;
export type Phase = (typeof phases)[number];

/** Everything that is done is one of these, and each may be repeated. Plain data: it is kept in the journal. */
export type AdoptStep = {
  readonly phase: Phase;
  readonly name: string;
  /** The way back, in one transaction; empty where nothing has to be undone. */
  readonly undo: readonly string[];
} & (
  | { readonly kind: 'transaction'; readonly sql: readonly string[] }
  /** Outside of a transaction, so that writers go on. One that broke off is dropped and built again. */
  | { readonly kind: 'index'; readonly index: string; readonly sql: string }
  | { readonly kind: 'backfill'; readonly table: string; readonly key: readonly string[] }
  | { readonly kind: 'wall'; readonly sql: readonly string[] }
  | { readonly kind: 'rehearsal'; readonly tables: readonly string[] }
  | { readonly kind: 'proof' }
);

export interface AdoptRoles {
  readonly app: string;
  readonly wall: string;
  readonly group: string;
}

export interface AdoptPlan {
  readonly schema: string;
  /** Who owns every row that is there now. */
  readonly tenant: TenantId;
  readonly roles: AdoptRoles;
  readonly tables: readonly { readonly name: string; readonly rows: number; readonly sizeBytes: number }[];
  readonly shared: readonly string[];
  readonly obstacles: readonly Obstacle[];
  readonly steps: readonly AdoptStep[];
}

export interface PlanInput {
  readonly facts: SchemaFacts;
  readonly schema: string;
  readonly tenant: TenantId;
  readonly roles: AdoptRoles;
  readonly shared: readonly string[];
}

export function toAdoptPlan(input: PlanInput): AdoptPlan {
  const { facts, schema, tenant, roles } = input;
  const shared = new Set(input.shared);
  const owned = facts.tables.filter(({ name }) => !shared.has(name));
  const obstacles = findObstacles(facts, shared);
  return {
    schema,
    tenant,
    roles,
    shared: [...shared],
    tables: owned.map(({ name, rows, sizeBytes }) => ({ name, rows, sizeBytes })),
    obstacles,
    steps: obstacles.some(({ severity }) => severity === 'refused')
      ? []
      : [
          ...owned.map((table) => toColumnStep(input, table)),
          ...owned.flatMap((table) => toBackfillStep(table)),
          ...owned.flatMap((table) => toNotNullSteps(schema, table)),
          ...toKeySteps(schema, owned, shared),
          ...toWallSteps(input, owned),
          ...toCutOverSteps(input, owned),
        ],
  };
}

/** The default answers for rows that are there already, from the catalogue: no row is rewritten, whatever the size. */
function toColumnStep({ schema, tenant }: PlanInput, table: TableFact): AdoptStep {
  const name = `${quote(schema)}.${quote(table.name)}`;
  const base = { kind: 'transaction', phase: 'column', name: `column ${table.name}` } as const;
  const value = `${literal(tenant)}::uuid`;
  if (table.tenant === null)
    return {
      ...base,
      sql: [`alter table ${name} add column tenant_id uuid default ${value}`],
      undo: [`alter table ${name} drop column if exists tenant_id`],
    };
  const before = table.tenant.default;
  return {
    ...base,
    sql: [`alter table ${name} alter column tenant_id set default ${value}`],
    undo: [
      `alter table ${name} alter column tenant_id ${before === null ? 'drop default' : `set default ${before}`}`,
    ],
  };
}

/** Only a column that was there before can hold nulls. */
function toBackfillStep(table: TableFact): AdoptStep[] {
  if (table.tenant === null) return [];
  const key = table.keys.find(({ kind }) => kind === 'primary')?.columns ?? [];
  const name = `backfill ${table.name}`;
  return [{ kind: 'backfill', phase: 'backfill', name, table: table.name, key, undo: [] }];
}

/** A check that is not valid yet costs no scan; validating it holds up nobody; and then NOT NULL has nothing to scan. */
function toNotNullSteps(schema: string, { name: table }: TableFact): AdoptStep[] {
  const name = `${quote(schema)}.${quote(table)}`;
  const check = 'bulkhead_tenant_check';
  const drop = `alter table ${name} drop constraint if exists ${check}`;
  return [
    {
      kind: 'transaction',
      phase: 'not-null',
      name: `check ${table}`,
      sql: [`alter table ${name} add constraint ${check} check (tenant_id is not null) not valid`],
      undo: [drop],
    },
    {
      kind: 'transaction',
      phase: 'not-null',
      name: `validate ${table}`,
      sql: [`alter table ${name} validate constraint ${check}`],
      undo: [],
    },
    {
      kind: 'transaction',
      phase: 'not-null',
      name: `not null ${table}`,
      sql: [`alter table ${name} alter column tenant_id set not null, drop constraint ${check}`],
      undo: [`alter table ${name} alter column tenant_id drop not null`],
    },
  ];
}

const ownRow = 'tenant_id = (select bulkhead_wall.current_tenant_id())';

/**
 * The wall in the shadow: function, role, rights and policies are there, and no table asks them yet. The rehearsal does,
 * table by table, in transactions that are rolled back, and counts what the new role would see. One table a transaction:
 * whoever locks several meets a writer that locks them in another order.
 */
function toWallSteps(
  { schema, tenant, roles, facts, shared }: PlanInput,
  owned: readonly TableFact[],
): AdoptStep[] {
  const app = quote(roles.app);
  const readable = [...shared, ...facts.views].map(
    (name) => `grant select on ${quote(schema)}.${quote(name)} to ${app}`,
  );
  const dropRoles = [roles.app, roles.group, roles.wall].map(
    (role) =>
      `do $$ begin if exists (select from pg_roles where rolname = ${literal(role)}) then
         execute ${literal(`drop owned by ${quote(role)}`)}; execute ${literal(`drop role ${quote(role)}`)}; end if; end $$`,
  );
  return [
    {
      kind: 'wall',
      phase: 'wall',
      name: 'wall',
      sql: [
        `create role ${app} nosuperuser nocreatedb nocreaterole noreplication nobypassrls noinherit nologin`,
        `grant ${quote(roles.group)} to ${app} with inherit true`,
        `grant usage on schema ${quote(schema)} to ${app}`,
        `insert into bulkhead_wall.tenant (tenant_id, schema_name) values (${literal(tenant)}, ${literal(schema)})`,
        ...readable,
      ],
      undo: [`drop schema if exists bulkhead_wall cascade`, ...dropRoles],
    },
    ...owned.map((table) => toPolicyStep(`${quote(schema)}.${quote(table.name)}`, app, table)),
    { kind: 'rehearsal', phase: 'wall', name: 'rehearsal', tables: owned.map(({ name }) => name), undo: [] },
  ];
}

function toPolicyStep(name: string, app: string, table: TableFact): AdoptStep {
  const written = table.columns.filter((one) => one !== 'tenant_id' && !table.generated.includes(one));
  return {
    kind: 'transaction',
    phase: 'wall',
    name: `policies ${table.name}`,
    sql: [
      `create policy bulkhead_open on ${name} as permissive for all to public using (true) with check (true)`,
      `create policy bulkhead_wall on ${name} as restrictive for all to public using (${ownRow}) with check (${ownRow})`,
      `grant select, insert, delete, update (${columnList(written)}) on ${name} to ${app}`,
    ],
    undo: [
      `drop policy if exists bulkhead_wall on ${name}`,
      `drop policy if exists bulkhead_open on ${name}`,
    ],
  };
}

/** From the first of these on there is no way back: the application must come as the new role, with a capability. */
function toCutOverSteps({ schema, roles, facts }: PlanInput, owned: readonly TableFact[]): AdoptStep[] {
  const in_ = (name: string): string => `${quote(schema)}.${quote(name)}`;
  const step = (name: string, sql: readonly string[]): AdoptStep => ({
    kind: 'transaction',
    phase: 'cut-over',
    name,
    sql,
    undo: [],
  });
  return [
    ...owned.map((table) =>
      step(`force ${table.name}`, [
        `alter table ${in_(table.name)} enable row level security, force row level security,
           alter column tenant_id set default bulkhead_wall.current_tenant_id()`,
        `revoke all on ${in_(table.name)} from public`,
        ...table.serials.flatMap(({ column, sequence }) => toIdentity(in_(table.name), column, sequence)),
      ]),
    ),
    step('surroundings', [
      ...facts.views.map((view) => `alter view ${in_(view)} set (security_invoker = true)`),
      ...facts.definers.map((one) => `revoke execute on function ${one} from public`),
      `do $$ begin execute format('revoke all on database %I from public', current_database());
         execute format('grant connect on database %I to %I', current_database(), ${literal(roles.app)}); end $$`,
      `revoke all on schema ${quote(schema)} from public`,
      `alter role ${quote(roles.app)} set search_path = ${quote(schema)}, pg_temp`,
      `alter role ${quote(roles.app)} login`,
    ]),
    { kind: 'proof', phase: 'cut-over', name: 'proof', undo: [] },
  ];
}

/** An identity draws its numbers without a right to the sequence, so that no tenant can set it back or read it. */
function toIdentity(table: string, column: string, sequence: string): readonly string[] {
  const tag = '$identity$';
  return [
    `do ${tag} declare following bigint; begin
       select case when is_called then last_value + 1 else last_value end into following from ${sequence};
       alter table ${table} alter column ${quote(column)} drop default;
       begin drop sequence if exists ${sequence}; exception when dependent_objects_still_exist then null; end;
       execute format('alter table ${table} alter column ${quote(column)} add generated by default as identity (start with %s)', following);
     end ${tag}`,
  ];
}
