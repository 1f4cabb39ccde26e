import { LRUCache } from 'lru-cache';
import type { Clock } from './core/clock.ts';
import { BulkheadError, isBulkheadError, type ErrorCode } from './core/errors.ts';
import { parseSlug, parseTenantId, type TenantId } from './core/ids.ts';
import { assertScope, tenantScope, type Scope } from './core/scope.ts';
import type { ReadablePage, ReadableTenant } from './registry/umbrella.ts';
import type { Registry } from './registry/registry.ts';
import { toError } from './request/refusal.ts';
import { openTenantScope } from './request/scope.ts';
import { checkUmbrella } from './request/umbrella.ts';

/** What came of one child. */
export interface UmbrellaVisit<Result> {
  readonly child: ReadableTenant;
  /** `refused`: this one cannot be read just now, and why; the others go on. */
  readonly outcome:
    | { readonly kind: 'read'; readonly value: Result }
    | { readonly kind: 'refused'; readonly code: ErrorCode };
}

/** A tenant reads those below it, where that was granted: one after another, each in a scope of its own that only reads. */
export interface Umbrella {
  /** Those that the scope's tenant may read now, all levels. */
  children(
    scope: Scope,
    query?: { readonly limit?: number; readonly cursor?: string | undefined },
  ): Promise<ReadablePage>;
  /**
   * A scope on one of them, by id or slug. Whatever it is given to refuses writes, the database itself first. It ends
   * with the grant, within a second.
   * @throws tenant_not_found where there is none such, or no grant · tenant_inactive · scope_missing
   */
  open(scope: Scope, child: string): Promise<Scope>;
  /** Never one query over several tenants: `fn` runs once a child, inside its scope, one after another. */
  each<Result>(
    scope: Scope,
    fn: (child: Scope) => Promise<Result>,
  ): AsyncGenerator<UmbrellaVisit<Result>, void, undefined>;
}

export interface UmbrellaDeps {
  readonly registry: Pick<Registry, 'directory' | 'umbrella' | 'audit'>;
  readonly clock: Clock;
}

const pageSize = 100;
/** One entry a caller and child within this time: a dashboard that polls must not drown the trail. */
const notedAgainMs = 60_000;
const maxNoted = 10_000;
const passing: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'tenant_inactive',
  'tenant_not_found',
  'compartment_unreachable',
  'capability_refused',
  'pool_saturated',
]);

export function createUmbrella({ registry, clock }: UmbrellaDeps): Umbrella {
  const { directory, umbrella, audit } = registry;
  const noted = new LRUCache<string, true>({ max: maxNoted, ttl: notedAgainMs });

  const note = (scope: Scope, named: string, what: Parameters<typeof audit.record>[0]): void => {
    const key = `${scope.actor.id} ${scope.tenantId} ${named} ${what.action}`;
    if (noted.has(key)) return;
    noted.set(key, true);
    audit.record(what);
  };
  const noteAttempt = (scope: Scope, named: string): void =>
    note(scope, named, {
      tenant: scope.tenantId,
      actor: scope.actor,
      action: 'access.cross_tenant_attempt',
      severity: 'high',
      requestId: scope.requestId,
      detail: { source: 'umbrella', named: parseTenantId(named) ?? parseSlug(named) ?? 'malformed' },
    });

  const find = async (named: string): Promise<TenantId | undefined> => {
    const id = parseTenantId(named);
    const slug = parseSlug(named);
    if (id !== undefined || slug === undefined) return id;
    return (await directory.bySlug(slug))?.id;
  };

  const open = async (scope: Scope, named: string): Promise<Scope> => {
    assertOwn(scope);
    const child = await find(named);
    const wish = { reader: scope.tenantId, child };
    const verdict =
      wish.child === undefined
        ? undefined
        : await checkUmbrella({ directory, clock }, { ...wish, child: wish.child });
    if (verdict === undefined || verdict.kind === 'refused') {
      const error = verdict === undefined ? new BulkheadError('tenant_not_found') : toError(verdict);
      if (error.code === 'tenant_not_found') noteAttempt(scope, named);
      throw error;
    }
    const { child: tenant, grant } = verdict.value;
    // In the trail of the one that is read: who looks at our data is its question.
    note(scope, tenant.id, {
      tenant: tenant.id,
      actor: scope.actor,
      action: 'umbrella.opened',
      severity: 'info',
      requestId: scope.requestId,
      detail: { reader: scope.tenantId, grant: grant.id },
    });
    const { actor, requestId, signal } = scope;
    const access = { kind: 'umbrella', reader: scope.tenantId, grant: grant.id } as const;
    return openTenantScope(tenant, { actor, requestId, signal, access });
  };

  return {
    async children(scope, query = {}) {
      assertOwn(scope);
      return await umbrella.readable(scope.tenantId, { limit: pageSize, ...query });
    },
    open,
    async *each(scope, fn) {
      assertOwn(scope);
      let cursor: string | undefined;
      do {
        const page = await umbrella.readable(scope.tenantId, { limit: pageSize, cursor });
        for (const child of page.tenants) {
          scope.signal.throwIfAborted();
          yield { child, outcome: await visit(scope, child, { open, fn }) };
        }
        cursor = page.nextCursor;
      } while (cursor !== undefined);
    },
  };
}

async function visit<Result>(
  scope: Scope,
  child: ReadableTenant,
  how: {
    readonly open: Umbrella['open'];
    readonly fn: (child: Scope) => Promise<Result>;
  },
): Promise<UmbrellaVisit<Result>['outcome']> {
  try {
    return { kind: 'read', value: await tenantScope(await how.open(scope, child.id), how.fn) };
  } catch (cause) {
    if (isBulkheadError(cause) && passing.has(cause.code)) return { kind: 'refused', code: cause.code };
    throw cause;
  }
}

/** What a tenant was let see of another is no way on to a third. @throws scope_missing, tenant_not_found */
function assertOwn(scope: Scope): void {
  assertScope(scope);
  if (scope.access.kind !== 'own') throw new BulkheadError('tenant_not_found');
}
