import { assertScope } from '../../core/scope.ts';
import { asTenant } from '../rows/as-tenant.ts';
import type { RowsDeps } from '../rows/deps.ts';
import type { ScopedAccess } from '../rows/handle.ts';
import { createTables } from '../rows/walled-tables.ts';
import type { MemoryCompartment, MemoryHandle, MemoryLimits } from './memory.ts';
import { probeMemory } from './probe.ts';
import { createUserMemory } from './user-memory.ts';
import { assertUser } from './values.ts';

/** Conversations in Postgres, behind the same wall as rows: by tenant, by user, by conversation. */
export function createMemory(deps: RowsDeps, limits: MemoryLimits): MemoryCompartment {
  const { compartment: tables, access, owner } = createTables(deps);
  const compartment: MemoryCompartment = {
    ...tables,
    async open(scope) {
      assertScope(scope);
      return createHandle(access(scope), limits);
    },
    probe: (target) => probeMemory(target, (scope) => compartment.open(scope)),
    sweep: (placement) =>
      owner(placement, (admin, side) =>
        asTenant(admin, side, async (tx) => {
          const { rowCount } = await tx.query(
            'delete from conversation where tenant_id = $1 and expires_at <= statement_timestamp()',
            [side.tenant],
          );
          return rowCount;
        }),
      ),
  };
  return compartment;
}

function createHandle(access: ScopedAccess, limits: MemoryLimits): MemoryHandle {
  return {
    user(name) {
      assertUser(name);
      return createUserMemory(access, name, limits);
    },
    async count() {
      const { rows } = await access.run<{ conversations: number; messages: number }>(
        {
          text: `select (select count(*) from conversation where tenant_id = $1)::int as conversations,
            (select count(*) from message where tenant_id = $1)::int as messages`,
          values: [access.scope.tenantId],
        },
        {},
      );
      return rows[0] ?? { conversations: 0, messages: 0 };
    },
    [Symbol.asyncDispose]: async () => {},
  };
}
