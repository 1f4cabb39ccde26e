import type { Bulkhead } from '../../bulkhead.ts';
import type { CacheHandle, CacheKey, Session } from '../../compartments/cache/cache.ts';
import type { CacheInvalidated, SessionView } from '../../client/schemas/cache.ts';
import { BulkheadError } from '../../core/errors.ts';
import { findTenant } from './find-tenant.ts';
import type { OperatorHandlers, TenantHandlers } from './handler.ts';

export function createCacheControlHandlers(bulkhead: Bulkhead): Pick<OperatorHandlers, 'clearTenantCache'> {
  return {
    async clearTenantCache({ params, body }, actor) {
      const { id } = await findTenant(bulkhead.registry.tenants, params.tenant);
      return await bulkhead.run(id, (scope) => invalidate(bulkhead.cache.openNow(scope), body), { actor });
    },
  };
}

export function createCacheHandlers({
  cache,
}: Pick<Bulkhead, 'cache'>): Pick<
  TenantHandlers,
  'invalidateCache' | 'createSession' | 'verifySession' | 'revokeSessions'
> {
  return {
    invalidateCache: ({ body }, { scope }) => invalidate(cache.openNow(scope), body),
    async createSession({ body }, { scope }) {
      const { user, ttlS, data } = body;
      const { token, ...session } = await cache.sessions(scope).create({ user, ttlMs: ttlS * 1_000, data });
      return { ...toSessionView(session), token };
    },
    async verifySession({ body }, { scope }) {
      const session = await cache.sessions(scope).verify(body.token);
      if (session === undefined) throw new BulkheadError('not_found');
      return toSessionView(session);
    },
    async revokeSessions({ body }, { scope }) {
      const sessions = cache.sessions(scope);
      if (body.user !== undefined) return { revoked: await sessions.revokeUser(body.user) };
      return { revoked: (await sessions.revoke(body.token ?? '')) ? 1 : 0 };
    },
  };
}

async function invalidate(
  handle: CacheHandle,
  what: { readonly key?: readonly string[] | undefined; readonly pattern?: string | undefined },
): Promise<CacheInvalidated> {
  if (what.key !== undefined) {
    await handle.invalidate(what.key as unknown as CacheKey);
    return { invalidated: 'key', removed: null };
  }
  if (what.pattern !== undefined)
    return { invalidated: 'pattern', removed: await handle.invalidateMatching(what.pattern) };
  await handle.invalidateAll();
  return { invalidated: 'everything', removed: null };
}

function toSessionView({ user, createdAt, expiresAt, data }: Session): SessionView {
  return { user, createdAt: createdAt.toISOString(), expiresAt: expiresAt.toISOString(), data };
}
