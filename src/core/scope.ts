import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';
import type { EventEmitter } from 'node:events';
import { BulkheadError } from './errors.ts';
import type { RequestId, TenantId } from './ids.ts';
import type { CompartmentKind, Isolation, Placement } from './placement.ts';
import type { Governor } from './plan.ts';

/** Who acts. `id` is a key id, a user id or a name of ours; never a secret, never an e-mail address. */
export interface Actor {
  readonly kind: 'key' | 'user' | 'operator' | 'system';
  readonly id: string;
}

/**
 * Whose scope it is. `umbrella`: a tenant above reads this one by a grant, which may end at any moment; nothing can be
 * written, and no further scope is opened from it.
 */
export type Access =
  | { readonly kind: 'own' }
  | { readonly kind: 'umbrella'; readonly reader: TenantId; readonly grant: string };

const own: Access = Object.freeze({ kind: 'own' });

declare const opened: unique symbol;

/** The capability to touch one tenant's data. Only `openScope` makes one; a look-alike object is refused at run time. */
export interface Scope {
  readonly [opened]: true;
  readonly tenantId: TenantId;
  readonly tenantSlug: string;
  readonly tenantName: string;
  readonly plan: string;
  readonly region: string | undefined;
  readonly features: ReadonlySet<string>;
  readonly isolationLevel: Isolation;
  readonly encryptionKeyId: string;
  readonly isActive: boolean;
  readonly access: Access;
  readonly actor: Actor;
  readonly requestId: RequestId;
  readonly signal: AbortSignal;
  readonly placements: readonly Placement[];
  readonly governor: Governor;
  /** The tenant's epoch when the scope was opened. */
  readonly epoch: number;
}

export type ScopeFields = Omit<Scope, typeof opened | 'features' | 'access'> & {
  readonly features: Iterable<string>;
  /** Default: the tenant's own. */
  readonly access?: Access;
};

class FrozenSet<Value> extends Set<Value> {
  #sealed = false;
  static of<V>(values: Iterable<V>): ReadonlySet<V> {
    const set = new FrozenSet(values);
    set.#sealed = true;
    return Object.freeze(set);
  }
  override add(value: Value): this {
    // The constructor of Set calls add before private fields exist, hence the `in` check.
    if (#sealed in this && this.#sealed) throw new TypeError('a scope cannot be changed');
    return super.add(value);
  }
  override delete(): boolean {
    throw new TypeError('a scope cannot be changed');
  }
  override clear(): void {
    throw new TypeError('a scope cannot be changed');
  }
}

const genuine = new WeakSet<object>();

/** Makes a deeply frozen scope. Called by the request path and by lifecycle loops, after admission. */
export function openScope(fields: ScopeFields): Scope {
  const scope = Object.freeze({
    ...fields,
    features: FrozenSet.of(fields.features),
    access: fields.access === undefined ? own : Object.freeze({ ...fields.access }),
    actor: Object.freeze({ ...fields.actor }),
    governor: Object.freeze({ ...fields.governor }),
    placements: Object.freeze(fields.placements.map((placement) => Object.freeze({ ...placement }))),
  }) as unknown as Scope;
  genuine.add(scope);
  return scope;
}

/** @throws scope_missing where the value was not made by `openScope`. */
export function assertScope(scope: unknown): asserts scope is Scope {
  if (typeof scope !== 'object' || scope === null || !genuine.has(scope))
    throw new BulkheadError('scope_missing', {
      hint: 'pass the scope that bulkhead.run() or the middleware gave you',
    });
}

/**
 * For compartments that tell readers from owners inside the store itself; all others ask `placementIn`.
 * @throws compartment_unreachable where the tenant has no placement in the compartment
 */
export function readablePlacementIn(scope: Scope, kind: CompartmentKind): Placement {
  const placement = scope.placements.find((candidate) => candidate.compartment === kind);
  if (placement === undefined)
    throw new BulkheadError('compartment_unreachable', {
      kind,
      tenant: scope.tenantId,
      reason: 'the tenant has no placement there yet',
      hint: 'a node makes one within seconds; where it cannot, the tenant has failed operations of kind backfill',
    });
  return placement;
}

/** @throws read_only for an umbrella scope: a store that would take its writes does not take it · compartment_unreachable */
export function placementIn(scope: Scope, kind: CompartmentKind): Placement {
  if (scope.access.kind === 'umbrella')
    throw new BulkheadError('read_only', {
      kind,
      tenant: scope.tenantId,
      reason: 'this compartment is not open to a tenant above',
    });
  return readablePlacementIn(scope, kind);
}

const current = new AsyncLocalStorage<Scope>();

/** Runs `fn` inside `scope`; the scope before it is back when `fn` returns, throws, or its promise settles. */
export function tenantScope<Result>(scope: Scope, fn: (scope: Scope) => Result): Result {
  assertScope(scope);
  return current.run(scope, fn, scope);
}

/** @throws scope_missing outside a scope. There is no default tenant. */
export function getCurrentTenant(): Scope {
  const scope = current.getStore();
  if (scope === undefined)
    throw new BulkheadError('scope_missing', {
      hint: 'wrap the call in bulkhead.run(tenant, fn) or use the middleware',
    });
  return scope;
}

export function getCurrentTenantId(): TenantId {
  return getCurrentTenant().tenantId;
}

/** For log lines only: the scope where there is one. */
export function peekScope(): Scope | undefined {
  return current.getStore();
}

/** Runs `fn` outside any scope, as a public endpoint does. */
export function clear<Result>(fn: () => Result): Result {
  return current.exit(fn);
}

/** Wraps a sync or async function so that calling it outside a scope throws before its body runs. */
export function requiresTenant<Args extends readonly unknown[], Result>(
  fn: (...args: Args) => Result,
): (...args: Args) => Result {
  return (...args) => {
    getCurrentTenant();
    return fn(...args);
  };
}

/** Binds a callback to the scope it is bound in, wherever it is called from later. `this` stays the caller's. */
export function bindScope<Args extends unknown[], Result>(
  fn: (...args: Args) => Result,
): (...args: Args) => Result {
  const scope = getCurrentTenant();
  const resource = new AsyncResource('BulkheadScope');
  return function bound(this: unknown, ...args: Args): Result {
    return resource.runInAsyncScope(() => current.run(scope, () => fn.apply(this, args)));
  };
}

/** Makes listeners added from now on run in the scope they were added in, whoever emits. */
export function bindEmitter<Emitter extends EventEmitter>(emitter: Emitter): Emitter {
  for (const method of ['on', 'once', 'addListener', 'prependListener', 'prependOnceListener'] as const) {
    const add = emitter[method].bind(emitter);
    emitter[method] = (event: string | symbol, listener: (...args: unknown[]) => void) => {
      const bound = current.getStore() === undefined ? listener : bindScope(listener);
      // Node looks at `listener` when a listener is to be removed again.
      return add(event, bound === listener ? listener : Object.assign(bound, { listener }));
    };
  }
  return emitter;
}
