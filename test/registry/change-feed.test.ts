import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TenantId } from '../../src/core/ids.ts';
import type { AdminDatabase, Row } from '../../src/drivers/sql.ts';
import type { RegistryEvent } from '../../src/registry/log.ts';
import type { Registry } from '../../src/registry/registry.ts';
import { describeWith } from '../support/services.ts';
import {
  describeRegistry,
  insertActive,
  isFeed,
  makeRegistry,
  newTenant,
  operator,
  postgresDialect,
  until,
  WatchedDatabase,
  type TestRegistry,
} from './support.ts';

interface Feed {
  readonly made: TestRegistry;
  readonly node: Registry;
  readonly watched: WatchedDatabase;
  readonly events: RegistryEvent[];
}

async function listen(made: TestRegistry, retentionMs = 3_600_000): Promise<Feed> {
  const watched = new WatchedDatabase(made.database.connect());
  const events: RegistryEvent[] = [];
  const node = await made.node({ admin: watched, retentionMs, logger: (event) => events.push(event) });
  return { made, node, watched, events };
}

async function warm({ made, node, watched }: Feed): Promise<TenantId> {
  const { id } = await insertActive(made.registry);
  await watched.heard();
  await node.directory.byId(id);
  await until(() => node.directory.peek(id) !== undefined);
  return id;
}

/** Changes that have nothing to do with the tenant under test, so that snapshots and ids move on. */
async function otherChanges(registry: Registry, count: number): Promise<void> {
  for (let time = 0; time < count; time += 1) await registry.tenants.insert(newTenant(), operator);
}

describeWith('postgres', 'the change feed with overlapping transactions', (url) => {
  let made: TestRegistry;
  let feed: Feed;
  beforeAll(async () => {
    made = await makeRegistry(postgresDialect(url));
    feed = await listen(made);
  });
  afterAll(() => made[Symbol.asyncDispose]());

  async function openTransaction(text: string, values: readonly unknown[]): Promise<Client> {
    const client = new Client(made.database.url);
    await client.connect();
    await client.query('begin');
    await client.query(text, [...values]);
    return client;
  }

  test('a change that was made early and committed late is not missed', async () => {
    const id = await warm(feed);
    const slow = await openTransaction(`update bulkhead.tenant set state = 'suspended' where id = $1`, [id]);
    // Younger transactions overtake it, and several polls pass.
    for (let round = 0; round < 3; round += 1) {
      await otherChanges(made.registry, 3);
      await feed.watched.heard();
    }
    expect(feed.node.directory.peek(id)?.state).toBe('active');
    await slow.query('commit');
    const tookMs = await until(() => feed.node.directory.peek(id)?.state !== 'active');
    expect(tookMs).toBeLessThan(1_000);
    expect((await feed.node.directory.byId(id))?.state).toBe('suspended');
    await slow.end();
  });

  test('many transactions that overlap in every order are all heard of', async () => {
    const ids: TenantId[] = [];
    for (let time = 0; time < 12; time += 1) ids.push((await insertActive(made.registry)).id);
    await feed.watched.heard();
    for (const id of ids) await feed.node.directory.byId(id);
    const open = await Promise.all(
      ids.map((id) => openTransaction(`update bulkhead.tenant set state = 'suspended' where id = $1`, [id])),
    );
    // Every third first, so that they end in another order than they began, across several polls.
    const order = [0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11];
    for (const index of order) {
      await open[index]?.query('commit');
      await new Promise((resolve) => setTimeout(resolve, 90));
    }
    await until(() => ids.every((id) => feed.node.directory.peek(id)?.state !== 'active'), 1_000);
    await Promise.all(open.map((client) => client.end()));
  });

  test('a change that is rolled back changes nothing', async () => {
    const id = await warm(feed);
    const client = await openTransaction(`update bulkhead.tenant set state = 'suspended' where id = $1`, [
      id,
    ]);
    await client.query('rollback');
    await client.end();
    await feed.watched.heard();
    feed.watched.seen.length = 0;
    expect(feed.node.directory.peek(id)?.state).toBe('active');
    expect(feed.watched.count).toBe(0);
  });

  test('a transaction that stays open for long makes nobody forget the same tenant again and again', async () => {
    const id = await warm(feed);
    const long = await openTransaction('insert into bulkhead.change (kind, subject) values ($1, $2)', [
      'tenant',
      'x',
    ]);
    await made.registry.tenants.update(id, { name: 'Changed once' }, operator);
    await until(async () => (await feed.node.directory.byId(id))?.name === 'Changed once');
    await feed.watched.heard();
    await feed.node.directory.byId(id);
    feed.watched.seen.length = 0;
    for (let round = 0; round < 4; round += 1) {
      await feed.watched.heard();
      expect(feed.node.directory.peek(id)?.name).toBe('Changed once');
    }
    expect(feed.watched.count).toBe(0);
    await long.query('rollback');
    await long.end();
  });
});

describeRegistry('the change feed', (dialect) => {
  let made: TestRegistry;
  beforeAll(async () => {
    made = await makeRegistry(dialect);
  });
  afterAll(() => made[Symbol.asyncDispose]());

  test('a node that was away for longer than changes are kept forgets everything', async () => {
    const feed = await listen(made, 1_000);
    const id = await warm(feed);
    feed.watched.fault = (text) => (isFeed(text) ? 'fails' : 'none');
    await new Promise((resolve) => setTimeout(resolve, 900));
    feed.watched.fault = 'none';
    await until(() => feed.events.some(({ event }) => event === 'registry.cache_dropped'));
    expect(feed.node.directory.peek(id)).toBeUndefined();
    expect((await feed.node.directory.byId(id))?.id).toBe(id);
  });

  test('more changes than one poll takes make it forget everything instead of some', async () => {
    const feed = await listen(made);
    const id = await warm(feed);
    await made.database.admin.query(
      `insert into bulkhead.change (kind, subject) select 'key', i::text from generate_series(1, 11000) i`,
    );
    await until(() => feed.events.some(({ event }) => event === 'registry.cache_dropped'));
    expect(feed.node.directory.peek(id)).toBeUndefined();
  });

  test('a database that went back in time, after a restore for instance, makes it forget everything', async () => {
    const rewound = new RewoundDatabase(made.database.connect());
    const events: RegistryEvent[] = [];
    const node = await made.node({ admin: rewound, logger: (event) => events.push(event) });
    const { id } = await insertActive(made.registry);
    await node.directory.byId(id);
    rewound.isRewound = true;
    await until(() => events.some(({ event }) => event === 'registry.cache_dropped'));
    expect(node.directory.peek(id)).toBeUndefined();
  });

  test('changes are kept for as long as promised, and then removed', async () => {
    const countOf = async (subject: string): Promise<number> => {
      const { rows } = await made.database.admin.query<{ count: number }>(
        'select count(*)::int as count from bulkhead.change where subject = $1',
        [subject],
      );
      return rows[0]?.count ?? 0;
    };
    await made.database.admin.query(
      `insert into bulkhead.change (kind, subject, at) values
        ('key', 'old', now() - interval '61 minutes'), ('key', 'young', now() - interval '59 minutes')`,
    );
    await made.node();
    await until(async () => (await countOf('old')) === 0);
    expect(await countOf('young')).toBe(1);
  });

  test('news of a kind that a newer program knows is passed over, and the rest is heard', async () => {
    await using own = await makeRegistry(dialect);
    const feed = await listen(own);
    const id = await warm(feed);
    await own.database.admin.query('alter table bulkhead.change drop constraint change_kind_check');
    await own.database.admin.query(`insert into bulkhead.change (kind, subject) values ('weather', 'rain')`);
    await feed.watched.heard();
    expect(feed.node.directory.peek(id)?.state).toBe('active');
    await own.registry.tenants.transition(id, 'suspended', operator);
    await until(() => feed.node.directory.peek(id)?.state !== 'active', 1_000);
    expect(feed.events).toEqual([]);
  });

  test('after it is closed a node asks nothing more', async () => {
    const feed = await listen(made);
    await feed.node.close();
    feed.watched.seen.length = 0;
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(feed.watched.seen).toEqual([]);
  });
});

/** Answers polls with a snapshot from long ago. */
class RewoundDatabase extends WatchedDatabase {
  isRewound = false;
  constructor(inner: AdminDatabase) {
    super(inner);
    const ask = this.query;
    this.query = async <R extends Row = Row>(text: string, values?: readonly unknown[]) => {
      const result = await ask<R>(text, values);
      if (this.isRewound && isFeed(text))
        for (const row of result.rows) Object.assign(row, { snapshot: '3:3:' });
      return result;
    };
  }
}
