/** Checked by `npm run check:types`: each line below an expectation must not compile. Nothing here runs. */
import type { Bulkhead } from '../../src/bulkhead.ts';
import type { Scope } from '../../src/core/scope.ts';
import type { TenantId } from '../../src/core/ids.ts';

export async function refused(bulkhead: Bulkhead, scope: Scope, id: TenantId): Promise<void> {
  // @ts-expect-error no scope, no data
  await bulkhead.rows.open();
  // @ts-expect-error an id is not a scope
  await bulkhead.rows.open(id);
  // @ts-expect-error neither is something that looks like one
  await bulkhead.rows.open({ tenantId: id, placements: [] });
  // @ts-expect-error nor a copy with another tenant in it
  await bulkhead.rows.open({ ...scope, tenantId: 'acme' });
  // @ts-expect-error tables are reached through an open handle alone
  bulkhead.rows.table('documents');
  // @ts-expect-error and so is SQL
  await bulkhead.rows.sql`select 1`;
  // @ts-expect-error a scope is read-only
  scope.tenantId = id;
  // @ts-expect-error and so are its features
  scope.features.add('all');
  // @ts-expect-error text is not a tenant id until it was parsed
  await bulkhead.lifecycle.suspend('acme', { kind: 'operator', id: 'x' });
  await using rows = await bulkhead.rows.open(scope);
  // @ts-expect-error SQL is a template, never a string
  await rows.sql('select 1');
}
