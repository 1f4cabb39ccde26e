import { describe, expect, test } from 'vitest';
import { answersFeature } from '../../src/compartments/cache/answers.ts';
import { countWords } from '../../src/compartments/cache/probe.ts';
import { systemClock } from '../../src/core/clock.ts';
import type { Finding } from '../../src/core/compartment.ts';
import { openScope, type Scope } from '../../src/core/scope.ts';
import type { KeyValueStore } from '../../src/drivers/key-value.ts';
import { openMemoryStore } from '../../src/drivers/memory/store.ts';
import { newCacheBed } from './support.ts';

const newStore = (): KeyValueStore =>
  openMemoryStore({ clock: systemClock, spaceBytes: 1_000_000, totalBytes: 10_000_000 });

async function findingsOver(store: KeyValueStore): Promise<readonly Finding[]> {
  const bed = newCacheBed(store);
  const [attacker, victim] = [await bed.tenant(), await bed.tenant()];
  return bed.cache.probe({ attacker: attacker.scope, victim: victim.scope, clock: systemClock });
}

const leaks = (findings: readonly Finding[]): readonly string[] =>
  findings.filter(({ result }) => result === 'leaked').map(({ probe }) => probe);

/** Every name of a space or key goes through the functions, as a fault in our own would have it. */
function renaming(
  store: KeyValueStore,
  rename: { readonly space?: (space: string) => string; readonly key?: (key: string) => string },
): KeyValueStore {
  const space = rename.space ?? ((name) => name);
  const key = rename.key ?? ((name) => name);
  return {
    ...store,
    look: (at) => store.look({ space: space(at.space), key: key(at.key) }),
    put: (write) => store.put({ ...write, space: space(write.space), key: key(write.key) }),
    swapGate: (name, change) => store.swapGate(space(name), change),
    keys: (name, pattern) => store.keys(space(name), pattern),
    read: (name, keys) => store.read(space(name), keys.map(key)),
    remove: (name, keys) => store.remove(space(name), keys.map(key)),
  };
}

describe('planted faults are caught by the probes', () => {
  test('without a fault nothing is found', async () => {
    const findings = await findingsOver(newStore());
    expect(findings.length).toBeGreaterThanOrEqual(8);
    expect(findings.filter(({ result }) => result !== 'held')).toEqual([]);
  });

  test('F1: a key that drops its tenant', async () => {
    const faulty = renaming(newStore(), { space: () => 'all:' });
    expect(leaks(await findingsOver(faulty))).toContain('cache/same-key');
  });

  test('F2: parts joined without encoding', async () => {
    const faulty = renaming(newStore(), { key: (text) => decodeURIComponent(text) });
    expect(leaks(await findingsOver(faulty))).toContain('cache/delimiter-collision');
  });

  test('F3: a read that does not look at the tenant in the envelope', async () => {
    const store = newStore();
    // Whoever reads finds their own name in the envelope, so the check sees nothing.
    const faulty: KeyValueStore = {
      ...store,
      async look(at) {
        const { gate, value } = await store.look(at);
        const [, own = ''] = /tenant:([0-9a-f-]{36}):/.exec(at.space) ?? [];
        return { gate, value: value?.replace(/^(e1:[0-9a-f]{16}:)[0-9a-f-]{36}/, `$1${own}`) };
      },
    };
    expect(leaks(await findingsOver(faulty))).toContain('cache/foreign-envelope-under-own-key');
  });

  /** Answers of all tenants in one index, and the envelope's check out of the way. */
  function withGlobalAnswers(): KeyValueStore {
    const store = newStore();
    const shared = renaming(store, { space: () => 'all:' });
    const of = (key: string): KeyValueStore => (key.startsWith('answers:') ? shared : store);
    const owner = (space: string): string => /tenant:([0-9a-f-]{36}):/.exec(space)?.[1] ?? '';
    return {
      ...store,
      async look(at) {
        const { gate, value } = await of(at.key).look(at);
        const own = await store.look(at);
        const generation = own.gate?.split(' ')[1] ?? '';
        return {
          gate: own.gate ?? gate,
          value: value?.replace(/^(e1:)[0-9a-f]{16}:[0-9a-f-]{36}/, `$1${generation}:${owner(at.space)}`),
        };
      },
      async put(write) {
        if (!write.key.startsWith('answers:')) return await store.put(write);
        const { seen: _, ...rest } = write;
        await shared.swapGate('all:', { from: undefined, to: 'all' });
        return await shared.put({ ...rest, gate: 'all' });
      },
    };
  }

  test('F4: one semantic index for all tenants', async () => {
    expect(leaks(await findingsOver(withGlobalAnswers()))).toContain(
      'cache/answer-to-the-question-of-another',
    );
  });

  test('F5: one index in which tenants differ by a prefix of the text alone', async () => {
    const bed = newCacheBed(withGlobalAnswers());
    const [attacker, victim] = [await bed.tenant(), await bed.tenant()];
    const answers = bed.cache.answers({ embed: countWords, threshold: 0.7 });
    // With a prefix for a wall, the exact texts differ and the similar ones do not.
    const ask = (scope: Scope, text: string, answer: string) =>
      answers.ask(
        openScope({ ...scope, features: [answersFeature] }),
        { text: `${scope.tenantId.slice(0, 8)} ${text}`, audience: 'all', context: 'one' },
        async () => answer,
      );
    const words = 'how many beds does the ward seven of our hospital in the valley have this winter';
    await ask(victim.scope, words, 'secret');
    // The fault is real: this is how the answer of another tenant came out.
    expect((await ask(attacker.scope, words, 'own')).answer).toBe('secret');
    const findings = await bed.cache.probe({
      attacker: attacker.scope,
      victim: victim.scope,
      clock: systemClock,
    });
    expect(leaks(findings)).toContain('cache/answer-to-the-question-of-another');
  });

  test('a driver that hands one caller’s answer to the next', async () => {
    const store = newStore();
    let late: Awaited<ReturnType<KeyValueStore['look']>> | undefined;
    const faulty: KeyValueStore = {
      ...store,
      async look(at, signal) {
        const found = await store.look(at);
        await new Promise((resolve) => setImmediate(resolve));
        if (signal?.aborted === true) {
          late = found;
          throw new Error('aborted');
        }
        if (late === undefined) return found;
        const answer = { gate: found.gate, value: late.value };
        late = undefined;
        return answer;
      },
    };
    expect(leaks(await findingsOver(faulty))).toContain('cache/answers-after-cancelled-calls');
  });
});
