import { quoteQualified } from '../sql-names.ts';
import type { Mutation, Parts } from './mutation.ts';

/** A table without its guard. */
export function tableMutations(p: Parts): readonly Mutation[] {
  const plain = p.mutant('plain');
  return [
    {
      name: 'a new table has no tenant column and is granted',
      attack: 'A4',
      expect: 'S04',
      sql: `create table ${plain} (body text); grant select on ${plain} to ${p.role}`,
    },
    {
      name: 'a plain audit table takes copies of tenant rows',
      attack: 'A23',
      expect: 'S04',
      sql: `create table ${plain} (entry jsonb); grant insert, select on ${plain} to public`,
    },
    {
      name: 'a table above the tenant table has no tenant column',
      attack: 'A12',
      expect: 'S04',
      sql: `create table ${plain} (); alter table ${p.table} inherit ${plain}; grant select on ${plain} to ${p.role}`,
    },
    {
      name: 'planner statistics can be read',
      attack: 'A17',
      expect: 'S04',
      sql: `grant select on pg_catalog.pg_statistic to ${p.role}`,
    },
    {
      name: 'a new tenant table was granted before it was walled',
      attack: 'A4',
      expect: 'S05',
      sql: `create table ${plain} (${p.tenant} uuid not null, body text); ${p.grant(plain)}`,
    },
    {
      name: 'row-level security is off',
      attack: 'A4',
      expect: 'S05',
      sql: `alter table ${p.table} disable row level security`,
    },
    {
      name: 'row-level security is not forced',
      attack: 'A2',
      expect: 'S05',
      sql: `alter table ${p.table} no force row level security`,
    },
    {
      name: 'an inheritance child has no row-level security',
      attack: 'A12',
      expect: 'S05',
      sql: `create table ${p.mutant('child')} () inherits (${p.table}); grant select on ${p.mutant('child')} to ${p.role}`,
    },
    {
      name: 'a partition has no row-level security',
      attack: 'A12',
      expect: 'S05',
      sql: `create table ${p.mutant('parent')} (${p.tenant} uuid not null, body text) partition by hash (${p.tenant});
            create table ${p.mutant('part')} partition of ${p.mutant('parent')} for values with (modulus 1, remainder 0);
            ${p.walled(p.mutant('parent'))}; grant select on ${p.mutant('parent')}, ${p.mutant('part')} to ${p.role}`,
    },
    {
      name: 'the tenant column may be null',
      attack: 'A13',
      expect: 'S07',
      sql: `create table ${plain} (${p.tenant} uuid, body text); ${p.walled(plain)}; ${p.grant(plain)}`,
    },
    {
      name: 'the tenant column is text',
      attack: 'A25',
      expect: 'S07',
      sql: `create table ${plain} (${p.tenant} text not null, body text); alter table ${plain} enable row level security, force row level security;
            create policy ${p.wall} on ${plain} as restrictive using (${p.tenant} = (select (${p.context})::text)); ${p.grant(plain)}`,
    },
    {
      name: 'the tenant column compares without case',
      attack: 'A25',
      expect: 'S07',
      needs: 'postgres',
      sql: `create collation ${p.mutant('nocase')} (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
            create table ${plain} (${p.tenant} text collate ${p.mutant('nocase')} not null); alter table ${plain} enable row level security, force row level security;
            create policy ${p.wall} on ${plain} as restrictive using (${p.tenant} = (select (${p.context})::text)); ${p.grant(plain)}`,
    },
    ...declared(p),
  ];
}

function declared(p: Parts): Mutation[] {
  const { globalTable, privateTable } = p.target;
  const found: Mutation[] = [];
  if (globalTable !== undefined) {
    const name = quoteQualified(globalTable.schema, globalTable.name);
    found.push(
      {
        name: 'tenants may write a global table',
        attack: 'A23',
        expect: 'S04',
        sql: `grant insert on ${name} to ${p.role}`,
      },
      {
        name: 'tenants may write one column of a global table',
        attack: 'A23',
        expect: 'S04',
        sql: `do $$ begin execute (select format('grant update (%I) on ${name} to public', attname) from pg_attribute where attrelid = '${name}'::regclass and attnum = 1); end $$`,
      },
    );
  }
  if (privateTable !== undefined) {
    const { schema, name } = privateTable;
    found.push({
      name: 'the secrets of the wall can be read',
      attack: 'A4',
      expect: 'S04',
      sql: `grant usage on schema ${schema} to ${p.role}; grant select on ${quoteQualified(schema, name)} to ${p.role}`,
    });
  }
  return found;
}
