import { beforeAll, describe, expect, test } from 'vitest';
import { loadSqlParser, type SqlParser } from '../../../src/drivers/sql-parser.ts';
import { countContexts, parseContext } from '../../../src/verify/proof/walls/context-expression.ts';
import { isWall } from '../../../src/verify/proof/walls/is-wall.ts';

let parser: SqlParser;
beforeAll(async () => {
  parser = await loadSqlParser();
});

const context = `current_setting('app.tenant_id')::uuid`;

function walls(expression: string, notNull: 'not null' | 'nullable' = 'not null', of = context): boolean {
  return isWall(parser.parseExpression(expression), {
    tenantColumn: 'tenant_id',
    context: parseContext(parser, of).normalForm,
    notNull: notNull === 'not null',
  });
}

describe('is a wall', () => {
  test.each([
    `tenant_id = current_setting('app.tenant_id')::uuid`,
    `(tenant_id = (current_setting('app.tenant_id'::text))::uuid)`,
    `(current_setting('app.tenant_id'::text, true))::uuid = tenant_id`,
    `tenant_id = ( SELECT (current_setting('app.tenant_id'::text))::uuid AS current_setting)`,
    `tenant_id::text = current_setting('app.tenant_id')`,
    `tenant_id = (nullif(current_setting('app.tenant_id', true), ''))::uuid`,
    `a and (b or c) and tenant_id = current_setting('app.tenant_id')::uuid`,
    `(tenant_id = ${context} and a) or (b and ${context} = tenant_id)`,
    `tenant_id in (${context})`,
    `tenant_id = any (array[${context}, ${context}])`,
    `tenant_id is not distinct from ${context}`,
    `not (tenant_id is distinct from ${context})`,
    `coalesce(tenant_id = ${context}, false)`,
    `(tenant_id = ${context}) is true`,
    `false`,
    `null`,
    `a and false`,
  ])('%s', (expression) => expect(walls(expression)).toBe(true));
});

describe('is no wall', () => {
  test.each([
    `true`,
    `a`,
    `tenant_id = ${context} or a`,
    `tenant_id = ${context} or true`,
    `not (tenant_id = ${context})`,
    `tenant_id <> ${context}`,
    `tenant_id >= ${context}`,
    `tenant_id = tenant_id`,
    `${context} = ${context}`,
    `other = ${context}`,
    `tenant_id = other`,
    `tenant_id = current_setting('app.other')::uuid`,
    `tenant_id = current_setting('app.tenant_ID')::uuid`,
    `tenant_id = app.current_setting('app.tenant_id')::uuid`,
    `tenant_id operator(app.=) ${context}`,
    `tenant_id = coalesce(${context}, tenant_id)`,
    `coalesce(tenant_id = ${context}, true)`,
    `tenant_id in (${context}, '00000000-0000-4000-8000-000000000000')`,
    `tenant_id = any (array[${context}, other])`,
    `tenant_id = any (array[]::uuid[])`,
    `tenant_id = any (${context})`,
    `tenant_id = all (array[${context}])`,
    `tenant_id <> any (array[${context}])`,
    `tenant_id::varchar(8) = current_setting('app.tenant_id')::varchar(8)`,
    `tenant_id::char = current_setting('app.tenant_id')`,
    `tenant_id::text::"char" = current_setting('app.tenant_id')`,
    `left(tenant_id::text, 8) = left(current_setting('app.tenant_id'), 8)`,
    `case when a then tenant_id = ${context} else true end`,
    `(tenant_id = ${context}) is not false`,
    `(tenant_id = ${context}) is unknown`,
    `exists (select from member where tenant_id = ${context})`,
    `tenant_id in (select tenant_id from member)`,
    `tenant_id = (select tenant_id from member limit 1)`,
    `(select true where tenant_id = ${context})`,
    `tenant_id like ${context}::text`,
    `app.same(tenant_id, ${context})`,
  ])('%s', (expression) => expect(walls(expression)).toBe(false));

  test('IS NOT DISTINCT FROM, where the column may be null', () => {
    expect(walls(`tenant_id is not distinct from ${context}`, 'nullable')).toBe(false);
  });
});

test('a context of any kind is compared by what it says', () => {
  expect(walls('tenant_id = ( SELECT auth.tenant() AS tenant)', 'not null', 'auth.tenant()')).toBe(true);
  expect(walls('tenant_id = CURRENT_USER', 'not null', 'current_user')).toBe(true);
  expect(walls('tenant_id = SESSION_USER', 'not null', 'current_user')).toBe(false);
  expect(walls(`tenant_id = ((auth.jwt() ->> 'tid'::text))::uuid`, 'not null', `auth.jwt() ->> 'tid'`)).toBe(
    true,
  );
  expect(walls(`tenant_id = ((auth.jwt() ->> 'sub'::text))::uuid`, 'not null', `auth.jwt() ->> 'tid'`)).toBe(
    false,
  );
});

test('a context names its functions and settings', () => {
  expect(parseContext(parser, `auth.tenant(current_setting('app.tenant', true))`)).toMatchObject({
    functions: ['auth.tenant'],
    settings: ['app.tenant'],
  });
});

test('contexts are found in policies, and constants and columns are none', () => {
  const expressions = new Map([
    [`(tenant_id = (current_setting('app.tenant_id'::text))::uuid)`, 3],
    [`((tenant_id = '00000000-0000-4000-8000-000000000000'::uuid) OR (owner = CURRENT_USER))`, 1],
    [`(auth.tenant() = tenant_id)`, 2],
    [`(tenant_id = other)`, 9],
  ]);
  expect([...countContexts(parser, { expressions, tenantColumn: 'tenant_id' })]).toEqual([
    [`current_setting('app.tenant_id')`, 3],
    ['auth.tenant()', 2],
  ]);
});
