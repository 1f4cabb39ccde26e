import type { ConditionId } from '../finding.ts';
import { quoteName, quoteQualified } from '../sql-names.ts';

/** One way to break a walled schema, and the condition that must notice. */
export interface Mutation {
  readonly name: string;
  /** The way across that it opens, as in A5. */
  readonly attack: string;
  readonly expect: ConditionId;
  /** Statements for a superuser, to be rolled back afterwards. */
  readonly sql: string;
  /** Needs a real server, with the extensions that come with PostgreSQL. */
  readonly needs?: 'postgres';
  /** Said as a warning where it can do no harm: our own schemas avoid it. Default: an error. */
  readonly noticedAs?: 'warning';
}

/** The schema to break, so that the same mutations fit any. Names are as in the catalogue, unquoted. */
export interface MutationTarget {
  readonly role: string;
  readonly schema: string;
  /** A walled table. */
  readonly table: string;
  readonly tenantColumn: string;
  /** Another column of it. */
  readonly column: string;
  /** The name of its wall. */
  readonly wall: string;
  /** The context as an expression, and the function it calls as PostgreSQL prints a signature. */
  readonly context: string;
  readonly contextFunction: string;
  /** A setting the context depends on. */
  readonly contextSetting: string;
  /** A table that is declared global. */
  readonly globalTable?: { readonly schema: string; readonly name: string };
  /** A table that the login must not touch. */
  readonly privateTable?: { readonly schema: string; readonly name: string };
}

/** The target's names as SQL, and the statements most mutations are made of. */
export interface Parts {
  readonly role: string;
  readonly schema: string;
  readonly table: string;
  readonly tenant: string;
  readonly column: string;
  readonly wall: string;
  readonly context: string;
  readonly contextFunction: string;
  readonly contextSetting: string;
  readonly target: MutationTarget;
  /** A new object of the target's schema. */
  readonly mutant: (name: string) => string;
  /** What a wall compares. */
  readonly own: string;
  /** Puts another policy in the place of the wall. */
  readonly replaceWall: (definition: string) => string;
  /** Everything canonical around a new table. */
  readonly walled: (table: string) => string;
  readonly grant: (table: string) => string;
}

export function toParts(target: MutationTarget): Parts {
  const table = quoteQualified(target.schema, target.table);
  const tenant = quoteName(target.tenantColumn);
  const role = quoteName(target.role);
  const wall = quoteName(target.wall);
  const own = `${tenant} = (select ${target.context})`;
  return {
    role,
    schema: quoteName(target.schema),
    table,
    tenant,
    column: quoteName(target.column),
    wall,
    context: target.context,
    contextFunction: target.contextFunction,
    contextSetting: target.contextSetting,
    target,
    mutant: (name) => quoteQualified(target.schema, `mutant_${name}`),
    own,
    replaceWall: (definition) =>
      `drop policy ${wall} on ${table}; create policy ${wall} on ${table} ${definition}`,
    walled: (name) =>
      `alter table ${name} enable row level security, force row level security;
       create policy mutant_open on ${name} using (true) with check (true);
       create policy ${wall} on ${name} as restrictive using (${own}) with check (${own})`,
    grant: (name) => `grant select, insert, delete on ${name} to ${role}`,
  };
}
