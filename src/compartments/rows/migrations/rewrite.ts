/** Which rewriting a statement gets. Most need none: names are without schema, so they work in every container. */
import type { ParsedStatement, SqlNode, SqlParser } from '../../../drivers/sql-parser.ts';
import { toAlterTableSql } from './alter-table.ts';
import { allOf, as, walk } from './ast.ts';
import { toCreateIndexSql } from './create-index.ts';
import { toCreateTableSql } from './create-table.ts';
import { refuseLooseData } from './data.ts';
import { quoteName } from './names.ts';
import type { Scratch } from './scratch.ts';

export interface RewriteContext {
  readonly parser: SqlParser;
  readonly scratch: Scratch;
  /** What stands above a CREATE TABLE. */
  readonly kind: 'tenant' | 'shared';
  /** `data`: rows were changed earlier in the file, and a deferred key may still have to look at them. */
  readonly after: 'data' | 'no_data';
}

/** @throws StatementRefused */
export async function rewrite(
  statement: ParsedStatement,
  context: RewriteContext,
): Promise<readonly string[]> {
  const { relations } = context.scratch;
  const { text } = statement;
  // Positions in the tree are counted from the start of what was parsed, so the statement is parsed by itself.
  const node = context.parser.parseScript(text)[0]?.node ?? statement.node;
  const create = as(node, 'CreateStmt');
  if (create !== undefined) return [await toCreateTableSql(text, create, { kind: context.kind, relations })];
  const alter = as(node, 'AlterTableStmt');
  if (alter !== undefined)
    return [
      ...(context.after === 'data' ? ['set constraints all immediate'] : []),
      ...(looksAtRows(node) ? await toUnforced(node, context) : []),
      await toAlterTableSql(text, alter, relations),
    ];
  const index = as(node, 'IndexStmt');
  if (index !== undefined) return [await toCreateIndexSql(text, index, relations)];
  if (!isData(statement)) return [text];
  await refuseLooseData(node, relations);
  return [...(await toUnforced(node, context)), text];
}

export function isData({ kind }: ParsedStatement): boolean {
  return kind === 'InsertStmt' || kind === 'UpdateStmt' || kind === 'DeleteStmt';
}

/** Commands during which PostgreSQL may check foreign keys against the rows that are there. */
const checking: ReadonlySet<string> = new Set([
  'AT_ValidateConstraint',
  'AT_AlterColumnType',
  'AT_AttachPartition',
]);

/** Tables whose rows a statement looks at: those it names, and those that foreign keys tie them to. */
async function readTouched(node: SqlNode, scratch: Scratch): Promise<readonly string[]> {
  const named = new Set<string>();
  walk(node, (inner) => {
    const name = as(inner, 'RangeVar')?.relname;
    if (name !== undefined) named.add(name);
  });
  const commands = allOf(as(node, 'AlterTableStmt')?.cmds, 'AlterTableCmd');
  if (!commands.some(({ subtype }) => checking.has(subtype ?? ''))) return [...named];
  const { rows } = await scratch.tx.query<{ name: string }>(tiedQuery, [scratch.schema, [...named]]);
  return [...named, ...rows.map(({ name }) => name)];
}

const tiedQuery = `
select other.relname::text as name
from pg_class c
join pg_namespace n on n.oid = c.relnamespace and n.nspname = $1
join pg_constraint f on f.contype = 'f' and c.oid in (f.conrelid, f.confrelid)
join pg_class other on other.oid in (f.conrelid, f.confrelid)
where c.relname = any($2::text[])`;

function looksAtRows(node: SqlNode): boolean {
  let found = false;
  walk(node, (inner) => {
    found ||= as(inner, 'Constraint')?.contype === 'CONSTR_FOREIGN';
    found ||= checking.has(as(inner, 'AlterTableCmd')?.subtype ?? '');
  });
  return found;
}

/**
 * An owner who is no superuser is behind the wall too, and would change nothing, or check a foreign key against
 * nothing. FORCE is lifted up to the end of the migration, inside its transaction, where nobody else can see it.
 */
async function toUnforced(node: SqlNode, { scratch }: RewriteContext): Promise<readonly string[]> {
  const { rows } = await scratch.tx.query<{ name: string }>(
    `select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = $1 and c.relname = any($2::text[]) and c.relforcerowsecurity`,
    [scratch.schema, await readTouched(node, scratch)],
  );
  return rows.map(({ name }) => `alter table ${quoteName(name)} no force row level security`);
}
