/** A schema and a role that exist only inside one transaction: the place where migrations are tried out. */
import { randomBytes } from 'node:crypto';
import type { AdminTransaction } from '../../../drivers/sql.ts';
import type { Relation, Relations } from './keys.ts';
import { containerPath, createExtensionSchema, quoteName, tenantColumn } from './names.ts';

export interface Scratch {
  readonly tx: AdminTransaction;
  readonly schema: string;
  readonly role: string;
  readonly relations: Relations;
}

/** @param tx is rolled back by the caller */
export async function openScratch(tx: AdminTransaction): Promise<Scratch> {
  const name = `bulkhead_scratch_${randomBytes(6).toString('hex')}`;
  await tx.script(`
    create role ${quoteName(name)} nologin;
    create schema ${quoteName(name)};
    ${createExtensionSchema};
    set local search_path to ${containerPath(name)};`);
  return { tx, schema: name, role: name, relations: { find: (table) => findRelation(tx, name, table) } };
}

async function findRelation(
  tx: AdminTransaction,
  schema: string,
  name: string,
): Promise<Relation | undefined> {
  const { rows } = await tx.query<{ tenant: boolean; key: string[] }>(relationQuery, [
    schema,
    name,
    tenantColumn,
  ]);
  const [row] = rows;
  return row && { name, kind: row.tenant ? 'tenant' : 'shared', primaryKey: row.key };
}

const relationQuery = `
select
  exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = $3 and not a.attisdropped) as tenant,
  array(
    select a.attname::text from pg_constraint p
    cross join unnest(p.conkey) with ordinality k (attnum, position)
    join pg_attribute a on a.attrelid = p.conrelid and a.attnum = k.attnum
    where p.conrelid = c.oid and p.contype = 'p' order by k.position) as key
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname = $1 and c.relname = $2 and c.relkind in ('r', 'p')`;
