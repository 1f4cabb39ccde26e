import { afterAll, beforeAll, describe } from 'vitest';
import { newTestDatabase, newTestNode, type TestDatabase, type TestNode } from './node.ts';
import { describeWith } from './services.ts';

/** What a test body is given; read it inside tests, it is filled before the first. */
export interface StoreUnderTest {
  readonly bed: TestNode;
  /** Superuser past every wall; on Postgres alone. */
  readonly database: TestDatabase | undefined;
}

/** The same tests on PostgreSQL and on the embedded database. */
export function describeOnEachStore(title: string, body: (store: () => StoreUnderTest) => void): void {
  describeWith('postgres', `${title} (PostgreSQL)`, (url) => {
    let store: StoreUnderTest;
    beforeAll(async () => {
      const database = await newTestDatabase(url);
      store = { database, bed: await newTestNode({ databaseUrl: database.url }) };
    });
    afterAll(async () => {
      await store.bed[Symbol.asyncDispose]();
      await store.database?.[Symbol.asyncDispose]();
    });
    body(() => store);
  });

  describe(`${title} (embedded)`, () => {
    let store: StoreUnderTest;
    beforeAll(async () => {
      store = { database: undefined, bed: await newTestNode() };
    });
    afterAll(() => store.bed[Symbol.asyncDispose]());
    body(() => store);
  });
}
