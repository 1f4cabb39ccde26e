import { afterAll, beforeAll, expect, test } from 'vitest';
import type { IdempotencyStore, Turn } from '../../src/registry/idempotency.ts';
import { describeRegistry, makeRegistry, type TestRegistry } from './support.ts';

describeRegistry('requests by idempotency key', (dialect) => {
  let made: TestRegistry;
  let store: IdempotencyStore;
  beforeAll(async () => {
    made = await makeRegistry(dialect);
    store = made.registry.idempotency;
  });
  afterAll(() => made[Symbol.asyncDispose]());

  const ask = (key: string, request = 'r', principal = 'p') => store.reserve({ principal, key, request });
  const first = async (key: string): Promise<Turn> => {
    const reservation = await ask(key);
    if (reservation.kind !== 'first') throw new Error(`it is ${reservation.kind}`);
    return reservation.turn;
  };

  test('one of many at once gets the turn, whichever node they ask', async () => {
    const other = await made.node();
    const reservations = await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        (index % 2 === 0 ? store : other.idempotency).reserve({ principal: 'p', key: 'many', request: 'r' }),
      ),
    );
    const count = (kind: string): number => reservations.filter((found) => found.kind === kind).length;
    expect([count('first'), count('running')]).toEqual([1, 11]);
  });

  test('the answer is repeated, and only sealed in the database', async () => {
    const answer = JSON.stringify({ key: 'bh_very_secret_value' });
    await store.complete(await first('answered'), answer);
    expect(await ask('answered')).toMatchObject({ kind: 'done', answer });
    const { rows } = await made.database.admin.query(
      `select (select string_agg(c::text, ' ') from bulkhead.credential c)
        || (select string_agg(i::text, ' ') from bulkhead.idempotency i) as stored`,
    );
    const stored = String(rows[0]?.['stored']);
    expect(stored).toContain('idempotency:');
    for (const secret of ['very_secret', Buffer.from('very_secret').toString('hex'), 'answered'])
      expect(stored).not.toContain(secret);
  });

  test('another request under the key is told from the same one, and another caller’s key from ours', async () => {
    await store.complete(await first('mine'), undefined);
    expect(await ask('mine', 'other')).toEqual({ kind: 'different' });
    expect(await ask('mine', 'r', 'q')).toMatchObject({ kind: 'first' });
    expect(await ask('min', 'er', 'p')).toMatchObject({ kind: 'first' });
  });

  test('a turn whose lease ended goes to the next, under the same id; the one before cannot end it', async () => {
    const dead = await first('dead');
    expect(await ask('dead')).toEqual({ kind: 'running' });
    await store.giveUp(dead, 'unknown');
    const again = await ask('dead');
    expect(again).toMatchObject({ kind: 'again', turn: { resource: dead.resource } });
    await store.complete(dead, undefined);
    await store.giveUp(dead, 'none');
    expect(await ask('dead')).toEqual({ kind: 'running' });
    if (again.kind === 'again') await store.complete(again.turn, undefined);
    expect(await ask('dead')).toMatchObject({ kind: 'done', resource: dead.resource });
  });

  test('a request without effect leaves its key free, for another body too', async () => {
    const turn = await first('free');
    await store.giveUp(turn, 'none');
    expect(await ask('free', 'other')).toMatchObject({ kind: 'first' });
  });

  test('after a day it is forgotten, the sealed answer with it', async () => {
    const { admin } = made.database;
    await store.complete(await first('old'), 'an answer');
    await store.complete(await first('old too'), undefined);
    await admin.query(`update bulkhead.idempotency set expires_at = now() - interval '1 second'`);
    expect(await ask('old too', 'something else')).toMatchObject({ kind: 'first' });
    await ask('anything');
    const { rows } = await admin.query(
      `select (select count(*)::int from bulkhead.idempotency) as kept,
        (select count(*)::int from bulkhead.credential where owner like 'idempotency:%') as sealed`,
    );
    expect(rows).toEqual([{ kept: 2, sealed: 0 }]);
  });
});
