import { randomBytes } from 'node:crypto';
import type { Bulkhead } from '../../bulkhead.ts';
import type { Isolation } from '../../core/placement.ts';
import type { Actor } from '../../core/scope.ts';
import type { Tenant } from '../../core/tenant.ts';
import { throwAway } from '../../throw-away.ts';

const actor: Actor = { kind: 'operator', id: 'doctor' };

/** Tenants that exist for one examination and are removed whole after it, however it ends. */
export interface Guests extends AsyncDisposable {
  invite(isolation: Isolation): Promise<Tenant>;
}

export function createGuests(node: Bulkhead): Guests {
  const invited: Tenant[] = [];
  return {
    async invite(isolation) {
      const slug = `doctor-${randomBytes(6).toString('hex')}`;
      const { tenant } = await node.lifecycle.create(
        { slug, name: 'Doctor', plan: 'enterprise', isolation },
        actor,
      );
      invited.push(tenant);
      return tenant;
    },
    async [Symbol.asyncDispose]() {
      for (const { id } of invited) await throwAway(node, id, actor);
    },
  };
}
