import { array, assert, asyncProperty, constantFrom, oneof, property, tuple, uniqueArray } from 'fast-check';
import { expect, test } from 'vitest';
import { allOf, as, namesOf, type NodeOf } from '../../../src/compartments/rows/migrations/ast.ts';
import { toCreateTableSql } from '../../../src/compartments/rows/migrations/create-table.ts';
import { defaultConstraintName } from '../../../src/compartments/rows/migrations/names.ts';
import { tokensOf } from '../../../src/compartments/rows/migrations/tokens.ts';
import { loadSqlParser } from '../../../src/drivers/sql-parser.ts';

const parser = await loadSqlParser();

/** White space and comments that hold everything a careless reader of SQL falls over. */
const gap = constantFrom(
  ' ',
  '\n',
  '\t ',
  ' -- , ( ) "\n',
  " /* ' /* , */ $$ ( */ ",
  '\n--é 😀 primary key\n',
);
const type = constantFrom(
  'int',
  'text[]',
  'numeric(3, 2)',
  'timestamptz',
  'character varying (20)',
  '"char"',
);
const plain = constantFrom(
  'not null',
  `default 'a, ''b'' ('`,
  'default $x$ , ) primary key $x$',
  `check (1 in (1, 2) and 'x' <> ')')`,
  'collate "C"',
  'constraint "odd" not null',
  `default E'\\' , ('`,
);
const key = constantFrom(
  'primary key',
  'unique',
  'constraint "named" unique nulls not distinct',
  'references "Other" (id)',
  'references other match full on delete set null on update cascade deferrable initially deferred',
  'constraint ref references other not deferrable',
);
const tableConstraint = constantFrom(
  'unique (c0)',
  'constraint "both" unique (c0, tenant_id) include (c0)',
  'foreign key (c0) references other (id) on delete cascade',
  'check (c0 is not null)',
  'exclude using gist (tenant_id with =, c0 with &&)',
);
/** Each clause once: PostgreSQL refuses two collations. */
const column = tuple(type, uniqueArray(oneof(plain, key), { maxLength: 4 }));

const relations = {
  find: async (name: string) =>
    /^other$/i.test(name) ? { name, kind: 'tenant' as const, primaryKey: ['tenant_id', 'id'] } : undefined,
};

function createOf(sql: string): NodeOf<'CreateStmt'> {
  const create = as(parser.parseScript(sql)[0]?.node, 'CreateStmt');
  if (create === undefined) throw new Error('not a CREATE TABLE');
  return create;
}

const keyTypes = new Set(['CONSTR_PRIMARY', 'CONSTR_UNIQUE', 'CONSTR_FOREIGN']);

/** Types of all keys of a table, wherever they are written. */
function keysOf(create: NodeOf<'CreateStmt'>): string[] {
  const columns = allOf(create.tableElts, 'ColumnDef').flatMap((each) =>
    allOf(each.constraints, 'Constraint'),
  );
  return [...columns, ...allOf(create.tableElts, 'Constraint')]
    .map(({ contype }) => contype ?? '')
    .filter((contype) => keyTypes.has(contype))
    .toSorted();
}

test('whatever a CREATE TABLE looks like, all its columns and keys come out, and every key has the tenant', async () => {
  await assert(
    asyncProperty(
      array(column, { minLength: 1, maxLength: 5 }),
      array(tableConstraint, { maxLength: 3 }),
      array(gap, { minLength: 40, maxLength: 40 }),
      async (columns, constraints, gaps) => {
        let used = 0;
        const next = (): string => gaps[used++ % gaps.length] ?? ' ';
        const elements = [
          ...columns.map(([name, rest], index) => [`c${index}`, name, ...rest].join(next())),
          ...constraints,
        ];
        const sql = `create table${next()}t${next()}(${next()}${elements.join(`${next()},${next()}`)}${next()})`;
        const before = createOf(sql);
        const after = createOf(await toCreateTableSql(sql, before, { kind: 'tenant', relations }));
        const [tenant, ...rest] = allOf(after.tableElts, 'ColumnDef');
        expect(tenant?.colname).toBe('tenant_id');
        expect(rest.map(({ colname }) => colname)).toEqual(columns.map((_, index) => `c${index}`));
        expect(keysOf(after)).toEqual(keysOf(before));
        for (const each of rest)
          expect(
            allOf(each.constraints, 'Constraint').filter(({ contype }) => keyTypes.has(contype ?? '')),
          ).toEqual([]);
        for (const each of allOf(after.tableElts, 'Constraint').filter(({ contype }) =>
          keyTypes.has(contype ?? ''),
        ))
          expect([...namesOf(each.keys), ...namesOf(each.fk_attrs)]).toContain('tenant_id');
      },
    ),
    { numRuns: 400 },
  );
});

test('the words of a statement put together again are the statement', () => {
  assert(
    property(array(oneof(gap, plain, key, type)), (parts) => {
      const sql = parts.join(' ');
      const tokens = tokensOf(sql);
      for (const { text, start, end } of tokens) expect(sql.slice(start, end)).toBe(text);
      const between = tokens.map(({ start }, index) => sql.slice(tokens[index - 1]?.end ?? 0, start));
      for (const space of between) expect(tokensOf(space)).toEqual([]);
    }),
  );
});

test('constraints get the names PostgreSQL would have given them', () => {
  expect(defaultConstraintName('a', [], 'pkey')).toBe('a_pkey');
  expect(defaultConstraintName('a', ['x', 'y'], 'key')).toBe('a_x_y_key');
  expect(defaultConstraintName('t'.repeat(63), ['c'.repeat(63)], 'fkey')).toBe(
    `${'t'.repeat(29)}_${'c'.repeat(28)}_fkey`,
  );
});
