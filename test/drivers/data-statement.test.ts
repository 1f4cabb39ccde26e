import { expect, test } from 'vitest';
import { kindOfStatement } from '../../src/drivers/data-statement.ts';

test.each([
  ['select 1', 'reads'],
  ['  SELECT 1', 'reads'],
  ['-- a comment\n /* and /* another */ one */ with x as (select 1) select * from x', 'reads'],
  ['with x as (insert into a values (1) returning *) select * from x', 'writes'],
  ['((select 1))', 'reads'],
  ['values (1)', 'reads'],
  ['table item', 'reads'],
  ['Insert into a values (1)', 'writes'],
  ['update a set b = 1', 'writes'],
  ['delete from a', 'writes'],
  ['merge into a using b on true when matched then delete', 'writes'],
  ['', 'other'],
  ['selectx', 'other'],
  ['set role x', 'other'],
  ['/* select */ set role x', 'other'],
  ['-- select\rset role x', 'other'],
  ['/* unclosed select', 'other'],
  ['copy item to stdout', 'other'],
  ['explain select 1', 'other'],
  ['; select 1', 'other'],
  ['do $$ begin end $$', 'other'],
])('what a statement may do is seen by its first word: %s', (text, kind) => {
  expect(kindOfStatement(text)).toBe(kind);
});
