/** Refuses what could break the wall or leave the container, before anything is run. */
import type { ParsedStatement, SqlParser } from '../../../drivers/sql-parser.ts';
import { allOf, as, namesOf, type NodeOf } from './ast.ts';
import { tenantColumn } from './names.ts';
import { refuse } from './refusal.ts';
import { allowedKinds, reasonAgainst } from './statement-kinds.ts';
import { vetFunction } from './vet-function.ts';
import { vetNames, vetOwnName } from './vet-names.ts';

/** Extensions that bring types, operators and indexes, and no way out of the database. */
export const allowedExtensions: readonly string[] = [
  'btree_gin',
  'btree_gist',
  'citext',
  'cube',
  'dict_int',
  'dict_xsyn',
  'earthdistance',
  'fuzzystrmatch',
  'hstore',
  'intarray',
  'isn',
  'ltree',
  'pg_trgm',
  'pgcrypto',
  'seg',
  'unaccent',
  'uuid-ossp',
  'vector',
];

/** @throws StatementRefused */
export function vetStatement(statement: ParsedStatement, parser: SqlParser): void {
  const { kind, node } = statement;
  if (!allowedKinds.has(kind)) refuse(...reasonAgainst(kind));
  vetNames(node);
  const create = as(node, 'CreateFunctionStmt');
  if (create !== undefined) vetFunction(create, parser);
  const extension = as(node, 'CreateExtensionStmt');
  if (extension !== undefined) vetExtension(extension);
  const drop = as(node, 'DropStmt');
  if (drop !== undefined) vetDrop(drop);
  const rename = as(node, 'RenameStmt');
  if (rename !== undefined) vetRename(rename);
  const comment = as(node, 'CommentStmt');
  if (comment !== undefined) vetComment(comment);
  const view = as(node, 'ViewStmt');
  if (view !== undefined) vetView(view);
  const trigger = as(node, 'CreateTrigStmt');
  if (trigger !== undefined) vetTrigger(trigger);
  vetTypes(statement);
}

function vetExtension(extension: NodeOf<'CreateExtensionStmt'>): void {
  const name = extension.extname ?? '';
  if (!allowedExtensions.includes(name))
    refuse(
      `the extension ${name} is not one that tenants may share`,
      `allowed are ${allowedExtensions.join(', ')}`,
    );
  if (allOf(extension.options, 'DefElem').some(({ defname }) => defname !== 'cascade'))
    refuse('Bulkhead chooses schema and version of extensions', `write: create extension ${name}`);
}

const droppable: Readonly<Record<string, number>> = {
  OBJECT_TABLE: 1,
  OBJECT_VIEW: 1,
  OBJECT_INDEX: 1,
  OBJECT_TYPE: 1,
  OBJECT_DOMAIN: 1,
  OBJECT_FUNCTION: 1,
  OBJECT_TRIGGER: 2,
};

function vetDrop(drop: NodeOf<'DropStmt'>): void {
  const longest = droppable[drop.removeType ?? ''];
  if (longest === undefined)
    refuse('migrations drop tables, views, indexes, types, domains, functions and triggers, nothing else');
  if (drop.concurrent === true)
    refuse('CONCURRENTLY cannot run inside a transaction, and migrations are one', 'leave it out');
  for (const object of drop.objects ?? []) vetObject(object, longest ?? 1);
}

const renamable: ReadonlySet<string> = new Set([
  'OBJECT_TABLE',
  'OBJECT_VIEW',
  'OBJECT_INDEX',
  'OBJECT_COLUMN',
  'OBJECT_TABCONSTRAINT',
  'OBJECT_DOMCONSTRAINT',
  'OBJECT_TYPE',
  'OBJECT_DOMAIN',
  'OBJECT_FUNCTION',
  'OBJECT_TRIGGER',
  'OBJECT_ATTRIBUTE',
]);

function vetRename(rename: NodeOf<'RenameStmt'>): void {
  if (!renamable.has(rename.renameType ?? '')) refuse('only objects of the container can be renamed');
  if (
    rename.subname === tenantColumn ||
    (rename.renameType === 'OBJECT_COLUMN' && rename.newname === tenantColumn)
  )
    refuse(`${tenantColumn} belongs to the wall and cannot be renamed`);
  if (rename.object !== undefined) vetObject(rename.object, 1);
  vetOwnName(rename.newname ?? '');
}

const commentable: Readonly<Record<string, number>> = {
  OBJECT_TABLE: 1,
  OBJECT_VIEW: 1,
  OBJECT_INDEX: 1,
  OBJECT_TYPE: 1,
  OBJECT_DOMAIN: 1,
  OBJECT_FUNCTION: 1,
  OBJECT_COLUMN: 2,
  OBJECT_TABCONSTRAINT: 2,
  OBJECT_TRIGGER: 2,
};

function vetComment(comment: NodeOf<'CommentStmt'>): void {
  const longest = commentable[comment.objtype ?? ''];
  if (longest === undefined) refuse('only objects of the container can be commented on');
  if (comment.object !== undefined) vetObject(comment.object, longest ?? 1);
}

/** A name in its own form: a list, a type, a function with arguments. More parts than `longest` begin with a schema. */
function vetObject(
  object: Parameters<typeof namesOf>[0] extends readonly (infer N)[] | undefined ? N : never,
  longest: number,
): void {
  const names = namesOf(
    as(object, 'List')?.items ?? as(object, 'TypeName')?.names ?? as(object, 'ObjectWithArgs')?.objname,
  );
  if (names.length > longest) refuse(`${names.join('.')} names a schema`, 'write the name alone');
}

function vetView(view: NodeOf<'ViewStmt'>): void {
  if (view.view?.relpersistence !== 'p') refuse('a temporary view survives on a pooled connection');
  for (const { defname } of allOf(view.options, 'DefElem')) {
    if (defname === 'security_invoker')
      refuse('security_invoker is switched on for every view', 'leave it out');
  }
}

function vetTrigger(trigger: NodeOf<'CreateTrigStmt'>): void {
  const names = namesOf(trigger.funcname);
  if (names.length > 1) refuse(`${names.join('.')} names a schema`, 'write the name alone');
}

/** Types that are made without a table. */
function vetTypes({ node }: ParsedStatement): void {
  const names = [
    ...namesOf(as(node, 'CreateEnumStmt')?.typeName),
    ...namesOf(as(node, 'AlterEnumStmt')?.typeName),
    ...namesOf(as(node, 'CreateDomainStmt')?.domainname),
    ...namesOf(as(node, 'AlterDomainStmt')?.typeName),
  ];
  if (names.length > 1) refuse(`${names.join('.')} names a schema`, 'write the name alone');
  for (const name of names) vetOwnName(name);
}
