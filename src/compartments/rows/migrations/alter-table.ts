/** ALTER TABLE as the user wrote it; keys that it adds get the tenant. */
import { allOf, as, type NodeOf } from './ast.ts';
import { toColumnParts } from './column.ts';
import { refuseLooseExclusion } from './create-table.ts';
import { isKey, toKeySql, type Relation, type Relations } from './keys.ts';
import { quoteName, tenantColumn } from './names.ts';
import { refuse, refusedFrom } from './refusal.ts';
import { splitList, tokensOf, type Span, type Token } from './tokens.ts';

type AlterNode = NodeOf<'AlterTableStmt'>;
type Command = NodeOf<'AlterTableCmd'>;

/**
 * @param sql the statement that `alter` was parsed from
 * @throws StatementRefused
 */
export async function toAlterTableSql(sql: string, alter: AlterNode, relations: Relations): Promise<string> {
  const name = alter.relation?.relname ?? '';
  const commands = allOf(alter.cmds, 'AlterTableCmd');
  if (alter.objtype !== 'OBJECT_TABLE') return refuseOtherObject(sql, alter);
  if (alter.relation?.inh !== true) refuse('ONLY would leave partitions behind', 'leave out ONLY');
  const table = await relations.find(name);
  if (table === undefined) return refuse(`${name} is not a table of this folder`);
  const spans = readCommands(sql);
  if (spans.length !== commands.length) refuse('the parts of this statement cannot be told apart');
  const lines: string[] = [];
  for (const [index, command] of commands.entries()) {
    const span = spans[index] ?? { start: 0, end: 0 };
    lines.push(
      ...(await refusedFrom(span.start, () => toCommands(sql, span, { command, table, relations }))),
    );
  }
  return `alter table ${quoteName(name)}\n  ${lines.join(',\n  ')}`;
}

function refuseOtherObject(sql: string, alter: AlterNode): string {
  const storage = allOf(alter.cmds, 'AlterTableCmd').every(
    ({ subtype }) => subtype === 'AT_SetRelOptions' || subtype === 'AT_ResetRelOptions',
  );
  if (alter.objtype === 'OBJECT_INDEX' && storage) return sql;
  return refuse(
    alter.objtype === 'OBJECT_VIEW'
      ? 'views keep the options Bulkhead gives them'
      : 'only tables and the storage options of indexes can be altered',
    alter.objtype === 'OBJECT_VIEW' ? 'use CREATE OR REPLACE VIEW' : undefined,
  );
}

/** The commands begin after ALTER TABLE [IF EXISTS] name [*]. */
function readCommands(sql: string): readonly Span[] {
  const tokens = tokensOf(sql);
  const word = (at: number): string => {
    const token: Token | undefined = tokens[at];
    return token?.kind === 'word' ? token.text.toLowerCase() : '';
  };
  let at = 2;
  if (word(at) === 'if' && word(at + 1) === 'exists') at += 2;
  at += 1;
  if (tokens[at]?.text === '*') at += 1;
  return splitList(tokens, at).elements;
}

/** What a migration may do to a table. Anything else is refused, also what a later PostgreSQL will add. */
const allowed: ReadonlySet<string> = new Set([
  'AT_AddColumn',
  'AT_ColumnDefault',
  'AT_DropNotNull',
  'AT_SetNotNull',
  'AT_SetExpression',
  'AT_DropExpression',
  'AT_SetStatistics',
  'AT_SetStorage',
  'AT_SetCompression',
  'AT_DropColumn',
  'AT_AddConstraint',
  'AT_AlterConstraint',
  'AT_ValidateConstraint',
  'AT_DropConstraint',
  'AT_AlterColumnType',
  'AT_SetRelOptions',
  'AT_ResetRelOptions',
  'AT_AttachPartition',
  'AT_DetachPartition',
]);

const reasons: Readonly<Record<string, readonly [reason: string, hint?: string]>> = {
  AT_EnableRowSecurity: ['row-level security is switched on for every tenant table', 'leave it out'],
  AT_ForceRowSecurity: ['row-level security is forced on every tenant table', 'leave it out'],
  AT_DisableRowSecurity: ['row-level security is the wall and cannot be switched off'],
  AT_NoForceRowSecurity: ['row-level security is the wall and cannot be weakened'],
  AT_ChangeOwner: ['the owner of a table is not the wall of its tenants, but a way around it'],
  AT_AddInherit: ['a child reached through its parent would not be behind its own wall'],
  AT_SetUnLogged: ['an unlogged table loses its rows in a crash'],
  AT_SetTableSpace: ['a table must stay in the tablespace of its container'],
  AT_AddIdentity: [
    'a sequence tells each tenant how many rows the others write',
    'use uuid with gen_random_uuid()',
  ],
  AT_DisableTrigAll: ['this would switch foreign keys off'],
  AT_ReplicaIdentity: ['replication does not see the wall and is set up outside of migrations'],
};

function refuseCommand(command: Command): void {
  const subtype = command.subtype ?? '';
  if (!allowed.has(subtype)) {
    const [reason, hint] = reasons[subtype] ?? [`this form of ALTER TABLE is not supported (${subtype})`];
    refuse(reason, hint);
  }
  if (command.name === tenantColumn)
    refuse(`${tenantColumn} belongs to the wall and cannot be altered or dropped`);
  const added = as(command.def, 'ColumnDef');
  if (subtype === 'AT_AddColumn' && added?.colname === tenantColumn)
    refuse(`${tenantColumn} is added by Bulkhead when a table is created`);
  if (as(command.def, 'PartitionCmd')?.concurrent === true)
    refuse('CONCURRENTLY cannot run inside a transaction, and migrations are one', 'leave it out');
}

interface CommandContext {
  readonly command: Command;
  readonly table: Relation;
  readonly relations: Relations;
}

/** @returns the command as written, or with its keys given the tenant */
async function toCommands(sql: string, span: Span, context: CommandContext): Promise<readonly string[]> {
  const { command, table } = context;
  refuseCommand(command);
  const written = sql.slice(span.start, span.end);
  const column = command.subtype === 'AT_AddColumn' ? as(command.def, 'ColumnDef') : undefined;
  if (column !== undefined) return toAddColumn(sql, span, { ...context, column });
  const constraint = command.subtype === 'AT_AddConstraint' ? as(command.def, 'Constraint') : undefined;
  if (constraint === undefined) return [written];
  // A unique index of the same folder: it has the tenant already.
  if (constraint.indexname !== undefined) return [written];
  refuseLooseExclusion(constraint, table);
  if (!isKey(constraint)) return [written];
  return (await toKeySql(table, constraint, context)).map((key) => `add ${key}`);
}

async function toAddColumn(
  sql: string,
  span: Span,
  context: CommandContext & { readonly column: NodeOf<'ColumnDef'> },
): Promise<readonly string[]> {
  const { table, column } = context;
  const { name, text, keys } = toColumnParts(sql, span, column);
  const added = [];
  for (const key of keys) added.push(...(await toKeySql(table, key, { ...context, column: name })));
  return [text, ...added.map((key) => `add ${key}`)];
}
