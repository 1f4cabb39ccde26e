import { afterAll, beforeAll, describe } from 'vitest';
import { systemClock, type Clock } from '../../src/core/clock.ts';
import type { KeyValueStore } from '../../src/drivers/key-value.ts';
import { openMemoryStore } from '../../src/drivers/memory/store.ts';
import { openRedisStore } from '../../src/drivers/redis/store.ts';
import { describeWith } from '../support/services.ts';

/** Far more than a busy machine takes. */
export const patientMs = 10_000;

/** The same tests in memory and in Valkey. `wait` lets a stored time to live run out where the store has its own clock. */
export function describeOnEachCacheStore(
  title: string,
  body: (store: () => KeyValueStore) => void,
  clock: Clock = systemClock,
): void {
  describe(`${title} (memory)`, () => {
    const store = openMemoryStore({ clock, spaceBytes: 4_000_000, totalBytes: 64_000_000 });
    body(() => store);
  });
  describeWith('valkey', `${title} (Valkey)`, (url) => {
    let store: KeyValueStore;
    beforeAll(() => {
      store = openRedisStore({ name: 'main', url, timeoutMs: patientMs });
    });
    afterAll(() => store.close());
    body(() => store);
  });
}
