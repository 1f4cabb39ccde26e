import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { createRequestPath } from '../../src/request/path.ts';
import { whileStanding, watchStanding } from '../../src/request/recheck.ts';
import { FakeRegistry, newCall } from './fake-registry.ts';

async function enter() {
  const registry = new FakeRegistry();
  const { tenant, secret } = registry.add('acme');
  const path = createRequestPath(registry.node());
  const verdict = await path.enter(newCall({ authorization: `Bearer ${secret}` }));
  if (verdict.kind === 'refused') throw new Error(verdict.code);
  const ask = () => path.confirm(verdict.value);
  return { registry, tenant, secret, ask };
}

/** What may happen to a caller who is already in, and the code that the next look finds. */
const endings: readonly [string, string, (entered: Awaited<ReturnType<typeof enter>>) => void][] = [
  [
    'the tenant is suspended',
    'tenant_inactive',
    ({ registry, tenant }) => registry.change(tenant.id, { state: 'suspended' }),
  ],
  ['the tenant is deleted', 'unauthenticated', ({ registry, tenant }) => registry.tenants.delete(tenant.id)],
  [
    'the key is revoked or expires',
    'unauthenticated',
    ({ registry, secret }) => registry.keys.delete(secret),
  ],
];

describe.each(endings)('while it runs, %s', (_name, code, happen) => {
  test('asking again finds out', async () => {
    const entered = await enter();
    expect(await entered.ask()).toMatchObject({ kind: 'allowed' });
    happen(entered);
    expect(await entered.ask()).toMatchObject({ kind: 'refused', code });
  });

  test('a busy stream ends', async () => {
    const entered = await enter();
    const received: number[] = [];
    const read = async (): Promise<void> => {
      for await (const item of whileStanding(ticks(), entered.ask, { everyMs: 5 })) {
        received.push(item);
        if (received.length === 3) happen(entered);
      }
    };
    await expect(read()).rejects.toMatchObject({ code });
    expect(received.length).toBeGreaterThanOrEqual(3);
  });

  test('a silent stream ends too', async () => {
    const entered = await enter();
    const read = async (): Promise<void> => {
      for await (const _ of whileStanding(silence(), entered.ask, { everyMs: 5 }))
        throw new Error('not silent');
    };
    const ended = expect(read()).rejects.toMatchObject({ code });
    happen(entered);
    await ended;
  });

  test('a job is told', async () => {
    const entered = await enter();
    const told = Promise.withResolvers<unknown>();
    using _watch = watchStanding(entered.ask, { everyMs: 5, ended: told.resolve });
    happen(entered);
    expect(await told.promise).toMatchObject({ code });
  });
});

test('a registry that cannot answer ends the stream: not knowing is no permission', async () => {
  const { registry, ask } = await enter();
  registry.warm = false;
  registry.stale = true;
  const read = async (): Promise<void> => {
    for await (const _ of whileStanding(ticks(), ask, { everyMs: 5 }));
  };
  await expect(read()).rejects.toThrow('does not answer');
});

test('a stream that ends by itself leaves no timer behind and closes its source', async () => {
  const { ask } = await enter();
  let asked = 0;
  let closed = false;
  async function* three(): AsyncGenerator<number> {
    try {
      yield* [1, 2, 3];
    } finally {
      closed = true;
    }
  }
  const items = await Array.fromAsync(
    whileStanding(
      three(),
      () => {
        asked += 1;
        return ask();
      },
      { everyMs: 5 },
    ),
  );
  const askedAtTheEnd = asked;
  await sleep(30);
  expect(items).toEqual([1, 2, 3]);
  expect(closed).toBe(true);
  expect(asked).toBe(askedAtTheEnd);
});

async function* ticks(): AsyncGenerator<number> {
  for (let tick = 0; ; tick += 1) {
    await sleep(1);
    yield tick;
  }
}

function silence(): AsyncIterable<never> {
  return { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) };
}
