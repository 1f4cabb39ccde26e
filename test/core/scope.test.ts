import { EventEmitter, once } from 'node:events';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setImmediate as immediate, setTimeout as wait } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { newRequestId, newTenantId } from '../../src/core/ids.ts';
import { defaultGovernor } from '../../src/core/plan.ts';
import {
  assertScope,
  bindEmitter,
  bindScope,
  clear,
  getCurrentTenant,
  getCurrentTenantId,
  openScope,
  requiresTenant,
  tenantScope,
  type Scope,
} from '../../src/core/scope.ts';

function newScope(name = 'acme'): Scope {
  return openScope({
    tenantId: newTenantId(),
    tenantSlug: name,
    tenantName: name,
    plan: 'pro',
    region: undefined,
    features: ['search'],
    isolationLevel: 'shared',
    encryptionKeyId: 'k1',
    isActive: true,
    actor: { kind: 'system', id: 'test' },
    requestId: newRequestId(),
    signal: new AbortController().signal,
    placements: [],
    governor: defaultGovernor,
    epoch: 1,
  });
}

const absent = expect.objectContaining({ code: 'scope_missing', name: 'TenantContextError' });

describe('a scope', () => {
  test('is absent until somebody opens one, and absent means a throw', () => {
    expect(() => getCurrentTenant()).toThrow(absent);
    expect(() => getCurrentTenantId()).toThrow(absent);
  });

  test('cannot be changed, however deep one reaches', () => {
    const scope = newScope();
    expect(() => Object.assign(scope, { tenantId: newTenantId() })).toThrow(TypeError);
    expect(() => Object.assign(scope.actor, { id: 'other' })).toThrow(TypeError);
    expect(() => (scope.features as Set<string>).add('everything')).toThrow(TypeError);
    expect(() => (scope.features as Set<string>).delete('search')).toThrow(TypeError);
    expect(() => (scope.features as Set<string>).clear()).toThrow(TypeError);
    expect([...scope.features]).toEqual(['search']);
    expect(Object.isFrozen(scope.placements)).toBe(true);
  });

  test('cannot be copied or made by hand', () => {
    expect(() => assertScope({ ...newScope() })).toThrow(absent);
    expect(() =>
      tenantScope(structuredClone({ tenantId: newTenantId() }) as unknown as Scope, () => 1),
    ).toThrow(absent);
  });

  test('nests, and the one before is back after a return, a throw and a rejection', async () => {
    const [outer, inner] = [newScope('outer'), newScope('inner')];
    await tenantScope(outer, async () => {
      expect(tenantScope(inner, () => getCurrentTenantId())).toBe(inner.tenantId);
      expect(getCurrentTenantId()).toBe(outer.tenantId);
      expect(() =>
        tenantScope(inner, () => {
          throw new Error('x');
        }),
      ).toThrow('x');
      expect(getCurrentTenantId()).toBe(outer.tenantId);
      await expect(
        tenantScope(inner, async () => {
          await immediate();
          throw new Error('y');
        }),
      ).rejects.toThrow('y');
      expect(getCurrentTenantId()).toBe(outer.tenantId);
      clear(() => expect(() => getCurrentTenant()).toThrow(absent));
      expect(getCurrentTenantId()).toBe(outer.tenantId);
    });
    expect(() => getCurrentTenant()).toThrow(absent);
  });

  test('requiresTenant refuses before the body runs', () => {
    let ran = 0;
    const guarded = requiresTenant((by: number) => (ran += by));
    expect(() => guarded(1)).toThrow(absent);
    expect(ran).toBe(0);
    expect(tenantScope(newScope(), () => guarded(2))).toBe(2);
  });
});

describe('200 interleaved tenants', () => {
  const scopes = Array.from({ length: 200 }, (_, index) => newScope(`t${index}`));

  /** Runs `body` for all at once and counts where the scope was another's. */
  async function mixUps(body: (scope: Scope) => Promise<boolean>): Promise<number> {
    const right = await Promise.all(scopes.map((scope) => tenantScope(scope, () => body(scope))));
    expect(right).toHaveLength(200);
    return right.filter((isRight) => !isRight).length;
  }
  const isMine = (scope: Scope): boolean => getCurrentTenant() === scope;

  test('never meet over awaits and timers', async () => {
    expect(
      await mixUps(async (scope) => {
        for (let hop = 0; hop < 10; hop += 1) {
          await (hop % 2 === 0 ? wait(Math.random() * 5) : immediate());
          if (!isMine(scope)) return false;
        }
        return new Promise((resolve) => setTimeout(() => process.nextTick(() => resolve(isMine(scope))), 1));
      }),
    ).toBe(0);
  });

  test('never meet over streams', async () => {
    expect(
      await mixUps(async (scope) => {
        let mine = true;
        const source = Readable.from(['a', 'b', 'c']);
        await pipeline(
          source,
          async function* (chunks: AsyncIterable<string>) {
            for await (const chunk of chunks) {
              await immediate();
              mine &&= isMine(scope);
              yield chunk;
            }
          },
          async (chunks: AsyncIterable<string>) => {
            for await (const _ of chunks) mine &&= isMine(scope);
          },
        );
        return mine;
      }),
    ).toBe(0);
  });

  test('never meet over one emitter that somebody else drives', async () => {
    const shared = bindEmitter(new EventEmitter().setMaxListeners(0));
    const heard = scopes.map((scope) =>
      tenantScope(
        scope,
        () => new Promise<boolean>((resolve) => shared.on('tick', () => resolve(isMine(scope)))),
      ),
    );
    await tenantScope(newScope('driver'), async () => shared.emit('tick'));
    expect((await Promise.all(heard)).filter(Boolean)).toHaveLength(200);
  });

  test('bound callbacks come home from anywhere', async () => {
    const callbacks = scopes.map((scope) => tenantScope(scope, () => bindScope(() => isMine(scope))));
    const answers = callbacks.map((callback) => clear(() => callback()));
    expect(answers.filter(Boolean)).toHaveLength(200);
  });
});

test('a bound listener has the emitter as this, as Node’s own listeners need', async () => {
  const emitter = bindEmitter(new EventEmitter());
  const heard = Promise.withResolvers<unknown>();
  tenantScope(newScope(), () =>
    emitter.once('x', function (this: unknown) {
      heard.resolve(this);
    }),
  );
  emitter.emit('x');
  expect(await heard.promise).toBe(emitter);
  const source = tenantScope(newScope(), () => bindEmitter(Readable.from(['a'])));
  const chunks: unknown[] = [];
  await tenantScope(newScope(), async () => {
    for await (const chunk of source) chunks.push(chunk);
  });
  expect(chunks).toEqual(['a']);
});

test('a listener bound by bindEmitter can be removed again', async () => {
  const emitter = bindEmitter(new EventEmitter());
  let heard = 0;
  const listener = (): void => void (heard += 1);
  tenantScope(newScope(), () => emitter.on('x', listener));
  emitter.off('x', listener);
  emitter.emit('x');
  expect(heard).toBe(0);
  const arrived = tenantScope(newScope(), () => once(emitter, 'y'));
  emitter.emit('y', 1);
  await expect(arrived).resolves.toEqual([1]);
});
