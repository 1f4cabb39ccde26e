import { setImmediate } from 'node:timers/promises';
import { beforeEach, expect, test } from 'vitest';
import { BatchLoader } from '../../src/registry/batch-loader.ts';
import { absent, ConfirmedCache } from '../../src/registry/confirmed-cache.ts';
import { MovableClock } from './support.ts';

interface Versioned {
  readonly version: number;
}

/** Loads that end when the test says so. */
class Loads {
  readonly pending: ((value: Versioned | undefined) => void)[] = [];
  load = (): Promise<Versioned | undefined> =>
    new Promise((resolve) => {
      this.pending.push(resolve);
    });
  end(index: number, version: number | undefined): void {
    this.pending[index]?.(version === undefined ? undefined : { version });
  }
}

let loads: Loads;
let clock: MovableClock;
let confirmed: boolean;
let cache: ConfirmedCache<string, Versioned>;
beforeEach(() => {
  loads = new Loads();
  clock = new MovableClock();
  confirmed = true;
  cache = new ConfirmedCache(
    { clock, isConfirmed: () => confirmed, load: loads.load },
    { maxEntries: 10, maxAbsent: 2, ttlMs: 300_000, absentTtlMs: 5_000 },
  );
});

test('what was read before a change and arrives after it is not remembered', async () => {
  const reading = cache.get('a');
  cache.forget('a');
  loads.end(0, 1);
  expect(await reading).toEqual({ version: 1 });
  expect(cache.peek('a')).toBeUndefined();
});

test('whoever asks after a change does not get what was being read before it', async () => {
  const before = cache.get('a');
  cache.forget('a');
  const after = cache.get('a');
  expect(loads.pending).toHaveLength(2);
  loads.end(1, 2);
  loads.end(0, 1);
  expect([await before, await after]).toEqual([{ version: 1 }, { version: 2 }]);
  expect(cache.peek('a')).toEqual({ version: 2 });
});

test('the same holds when everything is forgotten', async () => {
  const before = cache.get('a');
  cache.forgetAll();
  const after = cache.get('a');
  loads.end(1, 2);
  loads.end(0, 1);
  await Promise.all([before, after]);
  expect(cache.peek('a')).toEqual({ version: 2 });
});

test('of two reads the later one is remembered, in whatever order they end', async () => {
  const first = cache.get('a');
  const second = cache.fresh('a');
  loads.end(1, 2);
  await second;
  loads.end(0, 1);
  await first;
  expect(cache.peek('a')).toEqual({ version: 2 });
});

test('a read that was passed by a later one and by a change leaves no trace', async () => {
  const first = cache.get('a');
  const second = cache.fresh('a');
  cache.forget('a');
  loads.end(0, 1);
  loads.end(1, 2);
  await Promise.all([first, second]);
  expect(cache.peek('a')).toBeUndefined();
});

test('callers share a read that is young, and not one that has been under way for long', async () => {
  const first = cache.get('a');
  clock.advance(400);
  const second = cache.get('a');
  clock.advance(200);
  const third = cache.get('a');
  expect(loads.pending).toHaveLength(2);
  loads.end(0, 1);
  loads.end(1, 2);
  expect(await Promise.all([first, second, third])).toEqual([{ version: 1 }, { version: 1 }, { version: 2 }]);
});

test('a read that fails is not remembered, and the next caller tries again', async () => {
  const failing = new ConfirmedCache<string, Versioned>(
    { clock, isConfirmed: () => true, load: () => Promise.reject(new Error('down')) },
    { maxEntries: 10, maxAbsent: 2, ttlMs: 1, absentTtlMs: 1 },
  );
  await expect(failing.get('a')).rejects.toThrow('down');
  await expect(failing.get('a')).rejects.toThrow('down');
  expect(failing.peek('a')).toBeUndefined();
});

test('unconfirmed, nothing is answered from memory; confirmed again, what is still there is', async () => {
  const reading = cache.get('a');
  loads.end(0, 1);
  await reading;
  confirmed = false;
  expect(cache.peek('a')).toBeUndefined();
  void cache.get('a');
  expect(loads.pending).toHaveLength(2);
  confirmed = true;
  expect(cache.peek('a')).toEqual({ version: 1 });
});

test('absence is remembered for seconds and for a few ids', async () => {
  for (const [index, id] of ['a', 'b', 'c'].entries()) {
    const reading = cache.get(id);
    loads.end(index, undefined);
    await reading;
  }
  expect([cache.peek('a'), cache.peek('b'), cache.peek('c')]).toEqual([undefined, absent, absent]);
  clock.advance(5_001);
  expect(cache.peek('c')).toBeUndefined();
});

test('a hung query holds nobody up for ever: when it ends badly, so do those in line, and the next may try', async () => {
  const ends: ((cause: Error) => void)[] = [];
  let works = false;
  const loader = new BatchLoader<string, Versioned>({
    read: (keys) =>
      works
        ? Promise.resolve(keys.map((key) => ({ key })))
        : new Promise((_, reject) => {
            ends.push(reject);
          }),
    keyOf: (row) => String(row['key']),
    parse: () => ({ version: 1 }),
  });
  const waiting: Promise<PromiseSettledResult<unknown>[]>[] = [];
  for (const key of ['a', 'b', 'c', 'd']) {
    waiting.push(Promise.allSettled([loader.load(key)]));
    await setImmediate();
  }
  expect(ends).toHaveLength(2);
  for (const end of ends) end(new Error('timed out'));
  expect((await Promise.all(waiting)).flat().map(({ status }) => status)).toEqual(Array(4).fill('rejected'));
  works = true;
  expect(await loader.load('e')).toEqual({ version: 1 });
});

test('one row that cannot be understood is refused alone', async () => {
  const loader = new BatchLoader<string, Versioned>({
    read: async (keys) => keys.map((key) => ({ key })),
    keyOf: (row) => String(row['key']),
    parse: (row) => {
      if (row['key'] === 'bad') throw new Error('what is this');
      return { version: 1 };
    },
  });
  const answers = await Promise.allSettled(['a', 'bad', 'b'].map((key) => loader.load(key)));
  expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
});
