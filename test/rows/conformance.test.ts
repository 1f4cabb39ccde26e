import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { isolations, type Isolation } from '../../src/core/placement.ts';
import type { Plan } from '../../src/core/plan.ts';
import type { RowsHandle } from '../../src/compartments/rows/rows.ts';
import { describeCompartment, type TestApi } from '../../src/testing/index.ts';
import { enroll } from '../support/enroll.ts';
import { newTestDatabase, newTestNode, operator, type TestDatabase, type TestNode } from '../support/node.ts';
import { describeWith, serviceUrl } from '../support/services.ts';

// An embedded tenant's database is a whole instance of Postgres; three of them start in one test.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const api: TestApi = { test, equal: (actual, expected) => expect(actual).toEqual(expected) };

async function fill(rows: RowsHandle): Promise<number> {
  await rows.transaction(async (tx) => {
    const [user] = await tx.sql<{
      id: string;
    }>`insert into users (email, name) values ('a@example.test', 'A') returning id`;
    for (let i = 0; i < 3; i += 1)
      await tx
        .table('documents')
        .create({ title: `d${i}`, content: 'x'.repeat(100), metadata: { i }, created_by: user?.id ?? null });
  });
  return 4;
}

async function count(rows: RowsHandle): Promise<number> {
  return (await rows.table('documents').count()) + (await rows.table('users').count());
}

function suite(getNode: () => TestNode, tiers: readonly Isolation[]): void {
  for (const isolation of tiers) {
    describe(isolation, () => {
      let plan: Plan;
      beforeAll(async () => {
        const found = await getNode().node.registry.plans.read('enterprise');
        if (found === undefined) throw new Error('no enterprise plan');
        plan = found;
      });
      describeCompartment<RowsHandle>(api, () => ({
        compartment: getNode().node.rows,
        plan,
        isolation,
        enroll: (tenant) => enroll(getNode().node, tenant, isolation),
        fill,
        count,
      }));
    });
  }
}

interface Opened {
  readonly database: TestDatabase;
  readonly node: TestNode;
}

async function openNode(url: string, pooler: string | undefined): Promise<Opened> {
  const database = await newTestDatabase(url);
  if (pooler === undefined) return { database, node: await newTestNode({ databaseUrl: database.url }) };
  const traffic = new URL(pooler);
  traffic.pathname = new URL(database.url).pathname;
  const env = { BULKHEAD_POOLER_URL: traffic.href };
  return { database, node: await newTestNode({ databaseUrl: database.url, env }) };
}

const through = [
  { title: 'PostgreSQL', pooler: undefined },
  { title: 'PostgreSQL behind PgBouncer in transaction mode', pooler: 'pgbouncer' },
  { title: 'PostgreSQL behind PgBouncer without prepared statements', pooler: 'pgbouncerPlain' },
] as const;

for (const { title, pooler } of through) {
  describeWith('postgres', `rows on ${title}`, (url) => {
    let opened: Opened;
    beforeAll(async () => {
      opened = await openNode(url, pooler === undefined ? undefined : serviceUrl(pooler));
      const cell = serviceUrl('cell');
      if (cell !== undefined) {
        for (let i = 0; i < 4; i += 1) {
          const server = {
            name: `cell-${i}`,
            role: 'dedicated',
            region: undefined,
            maxConnections: 10,
          } as const;
          await opened.node.node.registry.servers.add(server, cell, operator);
        }
      }
    });
    afterAll(async () => {
      await opened.node[Symbol.asyncDispose]();
      await opened.database[Symbol.asyncDispose]();
    });
    suite(() => opened.node, pooler === undefined ? isolations : ['shared', 'schema', 'database']);
  });
}

describe('rows on the embedded database', () => {
  let node: TestNode;
  beforeAll(async () => {
    // Two tenants with a server each, the move of one of them, and what looks after them meanwhile.
    node = await newTestNode({ env: { BULKHEAD_EMBEDDED_INSTANCES: '8' } });
  });
  afterAll(() => node[Symbol.asyncDispose]());
  suite(() => node, isolations);
});
