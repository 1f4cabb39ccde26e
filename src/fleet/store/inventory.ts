import { parseTenantId, type TenantId } from '../../core/ids.ts';
import { BulkheadError } from '../../core/errors.ts';
import type { AdminDatabase } from '../../drivers/sql.ts';

/** A container by the registry's books: who is in it, what is known of it. */
export interface BookedContainer {
  readonly address: string;
  /** Of a container of a tenant's own. */
  readonly tenant: TenantId | undefined;
  readonly slug: string | undefined;
  /** Not finished yet: whoever makes it brings it up to date. */
  readonly provisioning: boolean;
  readonly version: string | undefined;
  readonly frozenAt: string | undefined;
}

// A tenant in a shared container is one of many there, so the container is nobody's.
const bookedText = `
  select p.container as address, v.version,
    case when p.isolation = 'shared' then null else p.tenant_id::text end as tenant,
    case when p.isolation = 'shared' then null else t.slug end as slug,
    p.isolation <> 'shared' and t.state = 'provisioning' as provisioning,
    f.version as "frozenAt"
  from bulkhead.placement p
  join bulkhead.tenant t on t.id = p.tenant_id
  left join bulkhead.container_version v on v.container = p.container
  left join bulkhead.tenant_freeze f on f.tenant_id = p.tenant_id and p.isolation <> 'shared'
  where p.compartment = any ($1) and t.state <> 'deleted' and p.isolation <> 'shared'
  union
  select v.container, v.version, null, null, false, null
  from bulkhead.container_version v where v.container ~ '(:shared|/shared/[0-9]+)$'
  union
  select p.container, v.version, null, null, false, null
  from bulkhead.placement p left join bulkhead.container_version v on v.container = p.container
  where p.compartment = any ($1) and p.isolation = 'shared'
  order by address`;

interface BookedRow extends Record<string, unknown> {
  readonly address: string;
  readonly version: string | null;
  readonly tenant: string | null;
  readonly slug: string | null;
  readonly provisioning: boolean;
  readonly frozenAt: string | null;
}

/** All containers of the deployment, in one query. @param kinds the compartments that keep tables */
export async function readBooked(
  control: AdminDatabase,
  kinds: readonly string[],
): Promise<readonly BookedContainer[]> {
  const { rows } = await control.query<BookedRow>(bookedText, [kinds]);
  return rows.map((row) => ({
    address: row.address,
    tenant: row.tenant === null ? undefined : toTenantId(row.tenant),
    slug: row.slug ?? undefined,
    provisioning: row.provisioning,
    version: row.version ?? undefined,
    frozenAt: row.frozenAt ?? undefined,
  }));
}

export function toTenantId(raw: unknown): TenantId {
  const id = parseTenantId(raw);
  if (id === undefined) throw new BulkheadError('internal', { reason: 'a stored tenant id is malformed' });
  return id;
}
