/** One file: statement by statement refused or rewritten and run, then walled by what the catalogue says is missing. */
import { SqlSyntaxError, type ParsedStatement, type SqlParser } from '../../../drivers/sql-parser.ts';
import { SqlError } from '../../../drivers/sql.ts';
import { as } from './ast.ts';
import type { CompiledMigration, CompiledStatement } from './compile.ts';
import type { MigrationFile } from './files.ts';
import { markersAbove, readMarkers } from './markers.ts';
import { extensionSchema, quoteName } from './names.ts';
import { refusedAt, StatementRefused, type Place } from './refusal.ts';
import { rewrite } from './rewrite.ts';
import type { Scratch } from './scratch.ts';
import { vetStatement } from './vet.ts';
import { readWallFacts, rolePlaceholder, toWallSql } from './wall.ts';

type Compiled = Pick<CompiledMigration, 'statements' | 'grants' | 'extensions'>;

/** @throws migration_refused */
export async function compileFile(
  scratch: Scratch,
  file: MigrationFile,
  parser: SqlParser,
): Promise<Compiled> {
  const parsed = parseFile(file, parser);
  const statements: CompiledStatement[] = [];
  const extensions: string[] = [];
  for (const statement of parsed.statements) {
    const place = { file: file.file, line: statement.line };
    await placed(place, async () => {
      vetStatement(statement, parser);
      const extension = as(statement.node, 'CreateExtensionStmt')?.extname;
      if (extension !== undefined) {
        await scratch.tx.script(toExtensionSql(extension));
        extensions.push(extension);
        return;
      }
      const rewritten = await rewrite(statement, { parser, scratch, kind: parsed.kindOf(statement) });
      for (const sql of rewritten) await scratch.tx.script(sql);
      statements.push(...rewritten.map((sql) => ({ sql, line: statement.line })));
    });
  }
  const wall = await placed({ file: file.file, line: 1 }, () => buildWall(scratch));
  return { extensions, statements: [...statements, ...wall.statements], grants: wall.grants };
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
  for (const { sql } of statements) await scratch.tx.script(sql);
  for (const grant of grants)
    await scratch.tx.script(grant.replaceAll(rolePlaceholder, quoteName(scratch.role)));
  return { statements, grants };
}

/** Adds file and line to whatever is refused on the way, by us or by the database. */
async function placed<T>(place: Place, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    if (error instanceof StatementRefused) throw refusedAt(place, error.message, { hint: error.hint });
    if (error instanceof SqlError) throw refusedAt(place, error.message, { cause: error });
    throw error;
  }
}
