import { randomBytes } from 'node:crypto';
import type { Bulkhead } from './bulkhead.ts';
import type { Actor } from './core/scope.ts';
import type { Tenant } from './core/tenant.ts';
import type { Guests } from './verify/attack/run.ts';
import { throwAway } from './throw-away.ts';

/** Slugs of tenants that exist for one verification; what a killed one left behind is known by it. */
const prefix = 'verify-';

export interface GuestList extends Guests, AsyncDisposable {}

/** Tenants that exist for one verification and are removed whole after it, however it ends. */
export function createGuestList(node: Bulkhead, actor: Actor): GuestList {
  const present = new Map<string, Tenant>();
  return {
    async make(isolation) {
      const slug = `${prefix}${randomBytes(6).toString('hex')}`;
      const input = { slug, name: 'Verification', plan: 'enterprise', isolation };
      const { tenant } = await node.lifecycle.create(input, actor);
      present.set(tenant.id, tenant);
      return tenant;
    },
    async erase(tenant) {
      await throwAway(node, tenant.id, actor);
      present.delete(tenant.id);
    },
    async [Symbol.asyncDispose]() {
      for (const { id } of present.values()) await throwAway(node, id, actor);
    },
  };
}

const abandonedAfterMs = 3_600_000;

/** Removes what verifications left that were killed: guests older than any run takes. @returns how many */
export async function removeAbandonedGuests(node: Bulkhead, actor: Actor): Promise<number> {
  let removed = 0;
  let cursor: string | undefined;
  do {
    const page = await node.registry.tenants.list({
      limit: 200,
      ...(cursor === undefined ? {} : { cursor }),
    });
    for (const tenant of page.tenants) {
      const isOld = tenant.createdAt.getTime() < node.clock.nowMs() - abandonedAfterMs;
      if (!tenant.slug.startsWith(prefix) || tenant.state === 'deleted' || !isOld) continue;
      await throwAway(node, tenant.id, actor);
      removed += 1;
    }
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return removed;
}
