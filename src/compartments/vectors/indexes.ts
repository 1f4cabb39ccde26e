import type { TenantId } from '../../core/ids.ts';
import type { AdminDatabase } from '../../drivers/sql.ts';
import { quote } from '../rows/filter.ts';
import { extensionSchema } from '../rows/migrations/names.ts';
import { literal } from '../rows/wall.ts';
import { columnType } from './values.ts';
import type { Metric, Space } from './vectors.ts';

/** One tenant in one container. */
export interface IndexedSide {
  readonly tenant: TenantId;
  readonly schema: string;
}

/** Drift does not count indexes of this name: they come and go with what a tenant has. */
const prefix = 'bulkhead_hnsw_';

const operatorClasses: Readonly<Record<Metric, string>> = {
  cosine: 'cosine_ops',
  inner_product: 'ip_ops',
  l2: 'l2_ops',
};

/**
 * The graph of some ten thousand vectors fits, so that it is built in memory. By one process: in pgvector before 0.8.2 a
 * parallel build can leak data of other relations (CVE-2026-3172); ends when no such version is in use.
 */
const buildSettings = {
  maintenance_work_mem: '512MB',
  max_parallel_maintenance_workers: '0',
  statement_timeout: '0',
  lock_timeout: '0',
} as const;

export function indexName(tenant: TenantId, space: Pick<Space, 'id'>): string {
  return `${prefix}${tenant.replaceAll('-', '')}_${space.id.slice(-8)}`;
}

/**
 * One HNSW graph (Malkov and Yashunin, 2016) over the vectors of one tenant in one space. Never one over several tenants:
 * it finds too little for the small ones, and tells by its timing what a neighbour has.
 * Searches and writes go on while it is built. One that was broken off is built anew.
 */
export async function buildIndex(admin: AdminDatabase, side: IndexedSide, space: Space): Promise<void> {
  const name = indexName(side.tenant, space);
  if ((await readState(admin, side.schema, name)) === 'valid') return;
  const type = columnType(space);
  const kind = type.startsWith('halfvec') ? 'halfvec' : 'vector';
  // The embedded database has one connection, so there is nobody to build it beside of.
  const concurrently = admin.dialect === 'pglite' ? '' : 'concurrently ';
  await dropIndex(admin, side.schema, name);
  await admin.script(
    `create index ${concurrently}${quote(name)} on ${quote(side.schema)}.embedding
      using hnsw ((vector::${extensionSchema}.${type}) ${extensionSchema}.${kind}_${operatorClasses[space.metric]})
      where tenant_id = ${literal(side.tenant)}::uuid and space = ${literal(space.id)}::uuid`,
    buildSettings,
  );
  await admin.script(`analyze ${quote(side.schema)}.embedding (tenant_id, space, passage)`);
}

/** All the indexes of one tenant in one container, whichever space they are for. */
export async function dropIndexes(admin: AdminDatabase, { tenant, schema }: IndexedSide): Promise<number> {
  const { rows } = await admin.query<{ name: string }>(
    `select c.relname::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = $1 and c.relkind = 'i' and starts_with(c.relname, $2)`,
    [schema, `${prefix}${tenant.replaceAll('-', '')}_`],
  );
  for (const { name } of rows) await dropIndex(admin, schema, name);
  return rows.length;
}

async function dropIndex(admin: AdminDatabase, schema: string, name: string): Promise<void> {
  const concurrently = admin.dialect === 'pglite' ? '' : 'concurrently ';
  await admin.script(`drop index ${concurrently}if exists ${quote(schema)}.${quote(name)}`, {
    lock_timeout: '0',
  });
}

/** Whether the tenant has an index of its own for the space. */
export async function hasIndex(admin: AdminDatabase, side: IndexedSide, space: Space): Promise<boolean> {
  return (await readState(admin, side.schema, indexName(side.tenant, space))) === 'valid';
}

async function readState(
  admin: AdminDatabase,
  schema: string,
  name: string,
): Promise<'none' | 'broken' | 'valid'> {
  const { rows } = await admin.query<{ valid: boolean }>(
    `select i.indisvalid as valid from pg_class c join pg_namespace n on n.oid = c.relnamespace
      join pg_index i on i.indexrelid = c.oid where n.nspname = $1 and c.relname = $2`,
    [schema, name],
  );
  if (rows[0] === undefined) return 'none';
  return rows[0].valid ? 'valid' : 'broken';
}
