import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tenantTables } from '../../src/registry/tenant-tables.ts';

const folder = join(import.meta.dirname, '../../sql/control');

/** Columns that name a tenant, by table of the registry, as the migrations make them. */
async function readTenantColumns(): Promise<ReadonlyMap<string, readonly string[]>> {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.sql')).toSorted();
  const found = new Map<string, string[]>();
  for (const file of files) {
    const text = await readFile(join(folder, file), 'utf8');
    for (const [, table = '', body = ''] of text.matchAll(
      /^create table bulkhead\.(\w+) \(\n(.*?)\n\)[^\n]*;/gms,
    )) {
      const named = body.matchAll(/^ {2}(\w*tenant_id|owner) (?:uuid|text)\b/gm);
      const referring = body.matchAll(/foreign key \((\w+)\) references bulkhead\.tenant \(/g);
      const columns = table === 'tenant' ? [] : [...named, ...referring];
      if (columns.length > 0) found.set(table, [...new Set(columns.map(([, column = '']) => column))]);
    }
  }
  return found;
}

test('every table of the registry with rows about tenants says what an erasure does with them', async () => {
  const found = await readTenantColumns();
  expect(found.size).toBeGreaterThan(5);
  // A new one belongs into src/registry/tenant-tables.ts: an erasure deletes its rows, or says why they stay.
  expect([...found.keys()].filter((table) => !(table in tenantTables))).toEqual([]);
  expect(Object.keys(tenantTables).filter((table) => !found.has(table))).toEqual([]);
  for (const [table, { columns }] of Object.entries(tenantTables))
    expect([table, found.get(table)?.toSorted()]).toEqual([table, columns.toSorted()]);
});

test('the migrations of the registry are numbered without gaps and without two of one number', async () => {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.sql')).toSorted();
  const numbers = files.map((name) => Number(name.slice(0, 4)));
  expect(numbers).toEqual(files.map((_, index) => index + 1));
});
