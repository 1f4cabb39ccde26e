/** CREATE INDEX as the user wrote it, led by the tenant. */
import { allOf, type NodeOf } from './ast.ts';
import type { Relations } from './keys.ts';
import { tenantColumn } from './names.ts';
import { refuse } from './refusal.ts';
import { findToken, tokensOf } from './tokens.ts';

type IndexNode = NodeOf<'IndexStmt'>;

/** Kinds of index that find one tenant's rows among those of all. */
const allowedMethods: ReadonlySet<string> = new Set(['btree', 'gin', 'gist', 'brin']);

const otherMethods: Readonly<Record<string, readonly [reason: string, hint: string]>> = {
  hash: ['a hash index cannot begin with the tenant', 'leave out USING: a btree finds equal values too'],
  hnsw: [
    'one graph over the vectors of several tenants loses results of the small ones and lets them guess at each other',
    'keep vectors in the vectors compartment, which builds an index for each large tenant',
  ],
  ivfflat: [
    'one index over the vectors of several tenants loses results of the small ones',
    'keep vectors in the vectors compartment, which builds an index for each large tenant',
  ],
};

/**
 * A unique index without the tenant tells one tenant what another has; any other would be walked across tenants.
 * So the tenant comes first in every btree that does not name it.
 * @param sql the statement that `index` was parsed from
 * @throws StatementRefused
 */
export async function toCreateIndexSql(sql: string, index: IndexNode, relations: Relations): Promise<string> {
  refuseForms(index);
  const name = index.relation?.relname ?? '';
  const table = await relations.find(name);
  if (table === undefined) return refuse(`${name} is not a table of this folder`);
  const names = allOf(index.indexParams, 'IndexElem').map((element) => element.name);
  const method = index.accessMethod ?? 'btree';
  if (table.kind === 'shared' || method !== 'btree' || names.includes(tenantColumn)) return sql;
  const tokens = tokensOf(sql);
  const open = tokens[findToken(tokens, '(', 0)];
  if (open === undefined) return refuse('the columns of this index cannot be found');
  return `${sql.slice(0, open.end)}${tenantColumn}, ${sql.slice(open.end)}`;
}

function refuseForms(index: IndexNode): void {
  const method = index.accessMethod ?? 'btree';
  if (index.concurrent === true)
    refuse(
      'CONCURRENTLY cannot run inside a transaction, and migrations are one',
      'leave it out; the lock is asked for with a timeout and given up rather than waited on',
    );
  if (index.tableSpace !== undefined) refuse('an index must stay in the tablespace of its container');
  if (index.relation?.inh !== true) refuse('ONLY would leave partitions behind', 'leave out ONLY');
  if (allowedMethods.has(method)) return;
  const [reason, hint] = otherMethods[method] ?? [`indexes of the kind ${method} are not supported`];
  refuse(reason, hint);
}
