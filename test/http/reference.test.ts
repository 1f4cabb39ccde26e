import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { contract } from '../../src/client/contract.ts';
import { commonErrors, type Operation } from '../../src/client/operation.ts';
import { routes } from '../../src/client/routes.ts';
import { errorTable } from '../../src/core/errors.ts';
import { toProblem } from '../../src/request/problem.ts';
import { BulkheadError } from '../../src/core/errors.ts';
import type { ErrorCode } from '../../src/core/errors.ts';
import { toOpenApi } from '../../src/server/openapi.ts';
import type { OpenApi } from './support/described.ts';
import { toReference } from './support/reference.ts';

const reference = join(import.meta.dirname, '../../docs/reference');
const api = JSON.parse(JSON.stringify(toOpenApi('0.1.0', true))) as OpenApi;

async function readRows() {
  const text = await readFile(join(reference, 'errors.md'), 'utf8');
  return [...text.matchAll(/^\| `(\w+)` \| (\d+) \| (\w+) \| (.+) \|$/gm)].map(
    ([, code, status, retry, advice]) => ({
      code,
      status: Number(status),
      retry,
      advice,
    }),
  );
}

describe('docs/reference/errors.md', () => {
  test('describes every code, and no other, as the table has it', async () => {
    const described = (await readRows()).map(({ code, status, retry }) => ({ code, status, retry }));
    const table = Object.entries(errorTable).map(([code, { status, retry }]) => ({ code, status, retry }));
    expect(described).toEqual(table.toSorted((a, b) => a.code.localeCompare(b.code)));
  });

  test('says something of each', async () => {
    for (const { code, advice } of await readRows()) expect(advice?.length, code).toBeGreaterThan(20);
  });
});

describe('every code as a problem', () => {
  test.each(Object.keys(errorTable) as ErrorCode[])('%s', (code) => {
    const detail = { reason: 'because', tenant: 'id', kind: 'rows', hint: 'do this', field: 'x' };
    const { status, headers, body } = toProblem(new BulkheadError(code, detail), 'request-1');
    expect(body).toMatchObject({ type: `urn:bulkhead:error:${code}`, status, code, requestId: 'request-1' });
    expect(headers['content-type']).toContain('application/problem+json');
    expect(Object.hasOwn(headers, 'retry-after')).toBe(
      errorTable[code].retry === 'later' && (status === 503 || status === 429),
    );
    // Nothing of our own parts in an error that is our own fault.
    if (status >= 500) expect(JSON.stringify(body)).not.toContain('rows');
    expect(body['tenant']).toBeUndefined();
  });

  test('what is no error of ours says nothing about itself', () => {
    for (const error of [new Error('secret'), 'secret', { message: 'secret' }, null, undefined])
      expect(toProblem(error, 'request-1')).toMatchObject({ status: 500, body: { code: 'internal' } });
    expect(JSON.stringify(toProblem(new Error('secret'), 'request-1'))).not.toContain('secret');
  });
});

test('docs/reference/http.md is what the description says (npx vitest run test/http/reference -u writes it)', async () => {
  await expect(toReference(api)).toMatchFileSnapshot(join(reference, 'http.md'));
});

describe('the description', () => {
  test('is OpenAPI 3.1, with every reference resolved and every id once', () => {
    expect(api.openapi).toMatch(/^3\.1\./);
    const text = JSON.stringify(api);
    const references = [...text.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map(
      ([, name]) => name ?? '',
    );
    expect(references.length).toBeGreaterThan(40);
    expect(references.filter((name) => !(name in api.components.schemas))).toEqual([]);
    const unused = Object.keys(api.components.schemas).filter((name) => !references.includes(name));
    expect(unused).toEqual([]);
    const ids = Object.values(api.paths).flatMap((methods) =>
      Object.values(methods).map(({ operationId }) => operationId),
    );
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('declares every parameter of every path', () => {
    for (const [path, methods] of Object.entries(api.paths))
      for (const { parameters = [] } of Object.values(methods))
        expect(parameters.filter(({ in: place }) => place === 'path').map(({ name }) => `{${name}}`)).toEqual(
          path.match(/\{\w+\}/g) ?? [],
        );
  });

  test('names only errors that exist', () => {
    const named = [
      ...Object.values(commonErrors).flat(),
      ...Object.values<Operation>(contract).flatMap(({ errors }) => errors),
    ];
    expect(named.filter((code) => !(code in errorTable))).toEqual([]);
  });

  test('agrees with the client’s table of routes', () => {
    const ours = Object.entries<Operation>(contract).map(([name, { method, path }]) => [
      name,
      { method, path },
    ]);
    expect(routes).toEqual(Object.fromEntries(ours));
  });

  test('has no path hint where it is switched off', () => {
    expect(JSON.stringify(toOpenApi('0.1.0', false))).not.toContain('/api/tenants/');
  });
});
