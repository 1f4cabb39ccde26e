/** One file: statement by statement refused or rewritten and run, then walled by what the catalogue says is missing. */
import { SqlSyntaxError, type ParsedStatement, type SqlParser } from '../../../drivers/sql-parser.ts';
import { SqlError } from '../../../drivers/sql.ts';
import { as, namesOf, walk } from './ast.ts';
import type { CompiledMigration, CompiledStatement } from './compile.ts';
import type { MigrationFile } from './files.ts';
import { markersAbove, readMarkers } from './markers.ts';
import { extensionSchema, quoteName } from './names.ts';
import { findOwnerProblem } from './owner-code.ts';
import { refusedAt, StatementRefused, type Place } from './refusal.ts';
import { isData, rewrite, type RewriteContext } from './rewrite.ts';
import type { Scratch } from './scratch.ts';
import { vetStatement } from './vet.ts';
import { findWallProblems } from './wall-check.ts';
import { readWallFacts, rolePlaceholder, toWallSql } from './wall.ts';

type Compiled = Pick<CompiledMigration, 'statements' | 'grants' | 'extensions' | 'ownTransaction'>;

/** @throws migration_refused */
export async function compileFile(
  scratch: Scratch,
  file: MigrationFile,
  parser: SqlParser,
): Promise<Compiled> {
  const parsed = parseFile(file, parser);
  const ownTransaction = assertEnumsApart(file, parsed.statements);
  const statements: CompiledStatement[] = [];
  const extensions: string[] = [];
  let after: RewriteContext['after'] = 'no_data';
  for (const statement of parsed.statements) {
    const kind = parsed.kindOf(statement);
    const one = await compileStatement(scratch, statement, { file, parser, kind, after });
    if (isData(statement)) after = 'data';
    statements.push(...one.statements);
    extensions.push(...one.extensions);
  }
  const wall = await buildWall(scratch);
  await assertWalls(scratch, { file, parser, statements: parsed.statements });
  return { extensions, statements: [...statements, ...wall.statements], grants: wall.grants, ownTransaction };
}

/**
 * PostgreSQL lets a new value of a type be used once it is committed. Tried out in one transaction it would work,
 * and then fail in every container that has the type.
 */
function assertEnumsApart(file: MigrationFile, statements: readonly ParsedStatement[]): boolean {
  const made = new Set(statements.flatMap(({ node }) => namesOf(as(node, 'CreateEnumStmt')?.typeName)));
  const adding = statements.filter(({ node }) => {
    const altered = as(node, 'AlterEnumStmt');
    return altered?.newVal !== undefined && !namesOf(altered.typeName).every((name) => made.has(name));
  });
  const [first] = adding;
  if (first !== undefined && adding.length < statements.length)
    throw refusedAt(
      { file: file.file, line: first.line },
      'a new value can be used only after it is committed',
      {
        hint: 'put ALTER TYPE … ADD VALUE into a file of its own, and its use into the next',
      },
    );
  return first !== undefined;
}

interface StatementContext extends Omit<RewriteContext, 'scratch'> {
  readonly file: MigrationFile;
}

async function compileStatement(
  scratch: Scratch,
  statement: ParsedStatement,
  context: StatementContext,
): Promise<Pick<Compiled, 'statements' | 'extensions'>> {
  try {
    vetStatement(statement, context.parser);
    const extension = as(statement.node, 'CreateExtensionStmt')?.extname;
    if (extension !== undefined) {
      await scratch.tx.script(toExtensionSql(extension));
      return { extensions: [extension], statements: [] };
    }
    const rewritten = await rewrite(statement, { ...context, scratch });
    for (const sql of rewritten) await scratch.tx.script(sql);
    return { extensions: [], statements: rewritten.map((sql) => ({ sql, line: statement.line })) };
  } catch (error) {
    throw toRefusal(error, statement, context.file.file);
  }
}

/** What we or the database refuse, with file and line. */
function toRefusal(error: unknown, statement: ParsedStatement, file: string): unknown {
  const lineAt = (offset: number): number =>
    statement.line + statement.text.slice(0, offset).split('\n').length - 1;
  if (error instanceof StatementRefused)
    return refusedAt({ file, line: lineAt(error.offset) }, error.message, { hint: error.hint });
  if (!(error instanceof SqlError)) return error;
  return refusedAt({ file, line: statement.line }, error.message, { cause: error });
}

/** Dependencies come along, and all of it stays in one schema of its own. */
export function toExtensionSql(name: string): string {
  return `create extension if not exists ${quoteName(name)} schema ${extensionSchema} cascade`;
}

interface ParsedFile {
  readonly statements: readonly ParsedStatement[];
  kindOf(statement: ParsedStatement): 'tenant' | 'shared';
}

function parseFile(file: MigrationFile, parser: SqlParser): ParsedFile {
  const statements = parseText(file, parser);
  const shared = new Set<ParsedStatement>();
  const used = new Set<number>();
  for (const statement of statements) {
    for (const { line, word } of markersAbove(file.text, statements, statement)) {
      if (word !== 'shared' || statement.kind !== 'CreateStmt') continue;
      shared.add(statement);
      used.add(line);
    }
  }
  const loose = readMarkers(file.text).find(({ line }) => !used.has(line));
  if (loose !== undefined)
    throw refusedAt({ file: file.file, line: loose.line }, `“bulkhead: ${loose.word}” says nothing here`, {
      hint: 'the only such comment is -- bulkhead: shared, on the line above a CREATE TABLE',
    });
  return { statements, kindOf: (statement) => (shared.has(statement) ? 'shared' : 'tenant') };
}

function parseText(file: MigrationFile, parser: SqlParser): readonly ParsedStatement[] {
  try {
    return parser.parseScript(file.text);
  } catch (cause) {
    if (!(cause instanceof SqlSyntaxError)) throw cause;
    throw refusedAt({ file: file.file, line: cause.line }, cause.message, { cause });
  }
}

async function buildWall(scratch: Scratch): Promise<Pick<Compiled, 'statements' | 'grants'>> {
  const statements: CompiledStatement[] = [];
  const grants: string[] = [];
  for (const facts of await readWallFacts(scratch.tx, scratch)) {
    const wall = toWallSql(facts);
    statements.push(...wall.statements.map((sql) => ({ sql, line: undefined })));
    grants.push(...wall.grants);
  }
  const granted = grants.map((grant) => grant.replace(rolePlaceholder, () => quoteName(scratch.role)));
  const all = [...statements.map(({ sql }) => sql), ...granted];
  if (all.length > 0) await scratch.tx.script(all.join(';\n'));
  return { statements, grants };
}

interface WholeFile {
  readonly file: MigrationFile;
  readonly parser: SqlParser;
  readonly statements: readonly ParsedStatement[];
}

/** The last word: whatever we overlooked, the catalogue does not. */
async function assertWalls(scratch: Scratch, { file, parser, statements }: WholeFile): Promise<void> {
  const facts = await readWallFacts(scratch.tx, scratch);
  const shared = facts.filter(({ kind }) => kind === 'shared').map(({ name }) => name);
  const [problem] = await findWallProblems(scratch.tx, { schemas: [scratch.schema], shared });
  const place = (name: string): Place => ({ file: file.file, line: lastLineNaming(name, statements) });
  if (problem !== undefined) throw refusedAt(place(problem.name), `${problem.name} ${problem.problem}`);
  const code = await findOwnerProblem(scratch, parser);
  if (code !== undefined)
    throw refusedAt(place(code.name), code.reason, {
      hint: 'let it compute only, or take the cascade off the foreign key',
    });
}

function lastLineNaming(name: string, statements: readonly ParsedStatement[]): number {
  const naming = statements.findLast(({ node }) => {
    let found = false;
    walk(node, (inner) => {
      found ||= as(inner, 'RangeVar')?.relname === name || as(inner, 'String')?.sval === name;
    });
    return found;
  });
  return naming?.line ?? 1;
}
