import { expect, test } from 'vitest';
import { loadSqlParser, SqlSyntaxError } from '../../../src/drivers/sql-parser.ts';

test('a script is its statements, each with its text and the line of its first word', async () => {
  const { parseScript } = await loadSqlParser();
  const statements = parseScript(`-- é /* no comment
select 'é;' as "é";

-- a comment
 /* one /* in */ another */
 create table a ();;
  drop table b -- the end`);
  expect(statements.map(({ kind, text, line }) => ({ kind, text, line }))).toEqual([
    { kind: 'SelectStmt', text: `select 'é;' as "é"`, line: 2 },
    { kind: 'CreateStmt', text: 'create table a ()', line: 6 },
    { kind: 'DropStmt', text: 'drop table b -- the end', line: 7 },
  ]);
  expect(parseScript('')).toEqual([]);
  expect(parseScript(' -- nothing\n')).toEqual([]);
});

test('a syntax error names its line', async () => {
  const { parseScript } = await loadSqlParser();
  expect(() => parseScript('select 1;\n-- é\nselec 2')).toThrow(
    expect.objectContaining({ name: 'SqlSyntaxError', line: 3 }),
  );
});

test('what follows a NUL character is not passed over', async () => {
  const { parseScript } = await loadSqlParser();
  expect(() => parseScript('select 1\0; drop table a')).toThrow(SqlSyntaxError);
});

test.each([
  '1; drop table a',
  '1) from (select 2',
  '1), (2',
  '(1) as a',
  '',
  'a where b',
  '1) union (select 2',
])('is no expression: %s', async (text) => {
  const { parseExpression } = await loadSqlParser();
  expect(() => parseExpression(text)).toThrow(SqlSyntaxError);
});

test.each(['a = b -- why', `current_setting('a')::uuid`, '(select f())', 'a and not b', 'array[1, 2]'])(
  'is an expression: %s',
  async (text) => {
    const { parseExpression } = await loadSqlParser();
    expect(Object.keys(parseExpression(text))).toHaveLength(1);
  },
);
