import type { Bulkhead } from '../../../src/bulkhead.ts';
import { readConfig } from '../../../src/config.ts';
import type { RowsHandle } from '../../../src/compartments/rows/rows.ts';
import { createBulkhead } from '../../../src/create-bulkhead.ts';
import type { TenantId } from '../../../src/core/ids.ts';
import { newTestDatabase, newTestNode, type TestDatabase, type TestNode } from '../../support/node.ts';
import { newMigrationFolder, notes, type MigrationFolder } from './app-migrations.ts';

/** A fleet at the first release of an application, and a way to start the next release beside it. */
export interface FleetUnderTest extends AsyncDisposable {
  readonly database: TestDatabase;
  readonly first: TestNode;
  readonly folder: MigrationFolder;
  /** A node that knows what the folder holds now. */
  release(): Promise<Bulkhead>;
}

export async function openFleet(url: string): Promise<FleetUnderTest> {
  const stack = new AsyncDisposableStack();
  const database = stack.use(await newTestDatabase(url));
  const folder = stack.use(await newMigrationFolder(notes));
  const env = { BULKHEAD_MIGRATIONS_DIR: folder.path };
  const first = stack.use(await newTestNode({ databaseUrl: database.url, env }));
  const config = readConfig({
    ...env,
    BULKHEAD_DATA_DIR: first.dataDir,
    BULKHEAD_LOG_LEVEL: 'silent',
    BULKHEAD_DATABASE_URL: database.url,
  });
  const closing = stack.move();
  const later: Bulkhead[] = [];
  return {
    database,
    first,
    folder,
    async release() {
      const node = await createBulkhead({ config });
      later.push(node);
      return node;
    },
    async [Symbol.asyncDispose]() {
      for (const node of later) await node.close();
      await closing.disposeAsync();
    },
  };
}

export async function withRows<T>(
  node: Bulkhead,
  tenant: TenantId,
  body: (rows: RowsHandle) => Promise<T>,
): Promise<T> {
  return await node.run(tenant, async (scope) => {
    await using rows = await node.rows.open(scope);
    return await body(rows);
  });
}

/** Vectors and memory have migrations of their own, and nothing to do where rows are migrated. */
export function ofRows({ container }: { readonly container: string }): boolean {
  return !/:(vectors|memory)\//.test(container);
}
