import { expect } from 'vitest';
import type { Bulkhead } from '../../src/bulkhead.ts';
import type { TenantId } from '../../src/core/ids.ts';
import type { AdminDatabase } from '../../src/drivers/sql.ts';

/**
 * A dead process says nothing; so that nobody waits for its leases to end, they end now. Returns when what it has left (of
 * one tenant, or of all) is ended: by `node`, or by another whose own upkeep was quicker.
 */
export async function recoverNow(root: AdminDatabase, node: Bulkhead, tenant?: TenantId): Promise<void> {
  const running = async () =>
    await node.registry.operations.list({
      state: 'running',
      limit: 10,
      ...(tenant === undefined ? {} : { tenant }),
    });
  expect(await running()).not.toEqual([]);
  await root.query(
    `update bulkhead.operation set lease_until = now() - interval '1 hour' where state = 'running' and tenant_id = coalesce($1, tenant_id)`,
    [tenant ?? null],
  );
  await node.lifecycle.recover();
  await expect.poll(running, { timeout: 30_000 }).toEqual([]);
}
