import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BulkheadError } from '../../../src/core/errors.ts';
import { compileMigrations } from '../../../src/compartments/rows/migrations/compile.ts';
import { engines, type TestDatabase } from './support/databases.ts';
import { folderOf } from './support/folders.ts';
import { refusals } from './support/refusals.ts';

describe.each(engines)('a migration that would break the wall on $name', (engine) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await engine.open();
  });
  afterAll(() => database[Symbol.asyncDispose]());

  test.each(refusals)('is refused: $because', async ({ files, line, reason }) => {
    const error = await compileMigrations(database.admin, [folderOf(...files)]).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(BulkheadError);
    const { code, detail } = error as BulkheadError;
    expect({ code, file: detail['file'], line: detail['line'], reason: detail['reason'] }).toEqual({
      code: 'migration_refused',
      file: `${String(files.length).padStart(4, '0')}_step.sql`,
      line,
      reason: expect.stringMatching(reason) as unknown,
    });
  });

  test('and what was tried leaves nothing behind', async () => {
    const { rows } = await database.admin.query(
      `select nspname from pg_namespace where nspname like 'bulkhead\\_%' and nspname <> 'bulkhead_wall'
       union all select rolname from pg_roles where rolname like 'bulkhead\\_scratch\\_%'`,
    );
    expect(rows).toEqual([]);
  });
});
