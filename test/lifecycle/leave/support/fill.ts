import type { Bulkhead } from '../../../../src/bulkhead.ts';
import type { TenantId } from '../../../../src/core/ids.ts';

/** @returns titles of all documents, sorted */
export async function fill(node: Bulkhead, tenant: TenantId, count: number): Promise<readonly string[]> {
  await node.run(tenant, async (scope) => {
    await using rows = await node.rows.open(scope);
    for (let n = 0; n < count; n += 1)
      await rows.table('documents').create({ title: `document ${crypto.randomUUID()}`, content: 'text' });
  });
  return await readTitles(node, tenant);
}

export async function readTitles(node: Bulkhead, tenant: TenantId): Promise<readonly string[]> {
  return await node.run(tenant, async (scope) => {
    await using rows = await node.rows.open(scope);
    const { rows: found } = await rows.table('documents').findAll({ limit: 1_000 });
    return found.map(({ title }) => String(title)).toSorted();
  });
}
