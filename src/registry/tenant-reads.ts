import { z } from 'zod';
import type { Slug, TenantId } from '../core/ids.ts';
import type { CompartmentKind } from '../core/placement.ts';
import type { Tenant, TenantState } from '../core/tenant.ts';
import type { TenantPage } from './registry.ts';
import { parsePosition, toPosition } from './page-position.ts';
import { parseRow, tenantId } from './row-parts.ts';
import { parseTenantRow, tenantColumns } from './tenant-row.ts';
import type { Queryable } from './write.ts';

export interface TenantQuery {
  readonly limit: number;
  readonly cursor?: string | undefined;
  readonly state?: TenantState | undefined;
}

export interface LackingQuery {
  readonly restMs: number;
  readonly limit: number;
}

const MAX_PAGE = 1_000;

export async function readTenant(database: Queryable, id: TenantId): Promise<Tenant | undefined> {
  const { rows } = await database.query(
    `select ${tenantColumns} from bulkhead.tenant t where t.id = $1::uuid`,
    [id],
  );
  return rows[0] === undefined ? undefined : parseTenantRow(rows[0]);
}

/** The living tenant of the name; else the last one that had it. */
export async function readTenantBySlug(database: Queryable, slug: Slug): Promise<Tenant | undefined> {
  const { rows } = await database.query(
    `select ${tenantColumns} from bulkhead.tenant t where t.slug = $1
     order by (t.state = 'deleted'), t.created_at desc limit 1`,
    [slug],
  );
  return rows[0] === undefined ? undefined : parseTenantRow(rows[0]);
}

export async function readChildren(database: Queryable, id: TenantId): Promise<readonly Tenant[]> {
  const { rows } = await database.query(
    `select ${tenantColumns} from bulkhead.tenant t where t.parent_id = $1::uuid and t.state <> 'deleted'
     order by t.created_at, t.id`,
    [id],
  );
  return rows.map(parseTenantRow);
}

const lackingText = `select t.id::text as id from bulkhead.tenant t
  where t.state in ('active', 'suspended')
    and not exists (select from bulkhead.placement p where p.tenant_id = t.id and p.compartment = $1)
    and not exists (select from bulkhead.operation o where o.tenant_id = t.id
      and (o.state = 'running'
        or (o.kind = 'backfill' and o.input ->> 'compartment' = $1 and o.state in ('failed', 'rolled_back')
          and o.failure ->> 'code' <> 'compartment_unreachable'
          and o.ended_at > statement_timestamp() - make_interval(secs => $2::float8))))
  order by t.created_at, t.id limit $3::int`;

const lackingShape = z.object({ id: tenantId });

export async function readLacking(
  database: Queryable,
  compartment: CompartmentKind,
  { restMs, limit }: LackingQuery,
): Promise<readonly TenantId[]> {
  const { rows } = await database.query(lackingText, [compartment, restMs / 1_000, limit]);
  return rows.map((row) => parseRow('tenant', lackingShape, row).id);
}

const pageText = `select ${tenantColumns}, t.created_at::text as at from bulkhead.tenant t
  where (case when $1::text is null then t.state <> 'deleted' else t.state = $1 end)
    and ($2::timestamptz is null or (t.created_at, t.id) > ($2::timestamptz, $3::uuid))
  order by t.created_at, t.id limit $4::int`;

/** Oldest first; deleted ones only where asked for by state. @throws request_invalid for a cursor not of ours */
export async function readPage(database: Queryable, query: TenantQuery): Promise<TenantPage> {
  const limit = Math.min(Math.max(1, Math.trunc(query.limit)), MAX_PAGE);
  const after = query.cursor === undefined ? undefined : parsePosition(query.cursor);
  const { rows } = await database.query(pageText, [
    query.state ?? null,
    after?.at ?? null,
    after?.id ?? null,
    limit + 1,
  ]);
  const page = rows.slice(0, limit);
  const last = rows.length > limit ? page.at(-1) : undefined;
  return { tenants: page.map(parseTenantRow), nextCursor: last === undefined ? undefined : toPosition(last) };
}
