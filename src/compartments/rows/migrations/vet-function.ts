/** Functions in a container run with the rights of whoever calls them, and say all they do. */
import { SqlSyntaxError, type SqlNode, type SqlParser } from '../../../drivers/sql-parser.ts';
import { allOf, as, namesOf, type NodeOf } from './ast.ts';
import { refuse } from './refusal.ts';
import { tokensOf } from './tokens.ts';
import { isForbiddenFunction, vetNames, vetOwnName } from './vet-names.ts';

type FunctionNode = NodeOf<'CreateFunctionStmt'>;

/** @throws StatementRefused */
export function vetFunction(create: FunctionNode, parser: SqlParser): void {
  const names = namesOf(create.funcname);
  if (names.length > 1) refuse(`${names.join('.')} names a schema`, 'write the name alone');
  vetOwnName(names[0] ?? '');
  const options = allOf(create.options, 'DefElem');
  for (const option of options) vetOption(option);
  const language = textOf(options, 'language') ?? 'sql';
  const body = textOf(options, 'as');
  if (body === undefined) return;
  if (language === 'sql') vetSqlBody(body, parser);
  else vetPlpgsqlBody(body);
}

const optionRules: Readonly<Record<string, (argument: SqlNode | undefined) => void>> = {
  security: (argument) => {
    if (as(argument, 'Boolean')?.boolval === true)
      refuse('a SECURITY DEFINER function runs with its owner’s rights, behind the wall');
  },
  leakproof: (argument) => {
    if (as(argument, 'Boolean')?.boolval === true)
      refuse('a LEAKPROOF function is run on rows before the wall has passed them');
  },
  language: (argument) => {
    if (!['sql', 'plpgsql'].includes(as(argument, 'String')?.sval?.toLowerCase() ?? ''))
      refuse('functions are written in sql or plpgsql');
  },
  as: (argument) => {
    if ((as(argument, 'List')?.items ?? []).length > 1) refuse('functions are written in sql or plpgsql');
  },
};

const harmlessOptions: ReadonlySet<string> = new Set(['volatility', 'strict', 'parallel', 'cost', 'rows']);

function vetOption(option: NodeOf<'DefElem'>): void {
  const name = option.defname ?? '';
  const rule = Object.hasOwn(optionRules, name) ? optionRules[name] : undefined;
  if (rule !== undefined) rule(option.arg);
  else if (!harmlessOptions.has(name)) refuse(`functions must not have the option ${name.toUpperCase()}`);
}

function textOf(options: readonly NodeOf<'DefElem'>[], name: string): string | undefined {
  const argument = options.find(({ defname }) => defname === name)?.arg;
  return as(argument, 'String')?.sval?.toLowerCase() ?? namesOf(as(argument, 'List')?.items)[0];
}

const bodyKinds: ReadonlySet<string> = new Set(['SelectStmt', 'InsertStmt', 'UpdateStmt', 'DeleteStmt']);

function vetSqlBody(body: string, parser: SqlParser): void {
  const statements = parseBody(body, parser);
  for (const { kind, node } of statements) {
    if (!bodyKinds.has(kind)) refuse('the body of a function selects, inserts, updates or deletes');
    vetNames(node);
  }
}

function parseBody(body: string, parser: SqlParser): ReturnType<SqlParser['parseScript']> {
  try {
    return parser.parseScript(body);
  } catch (error) {
    if (error instanceof SqlSyntaxError) return refuse('the body of the function does not parse');
    throw error;
  }
}

/** Never, wherever they stand. */
const forbiddenWords: Readonly<Record<string, string>> = {
  execute: 'dynamic SQL cannot be checked: write the statement out',
  bulkhead_wall: 'the wall is put up by Bulkhead',
  set_config: 'settings are made by Bulkhead',
};

/** Where a statement begins; elsewhere they may be names. */
const forbiddenStatements: Readonly<Record<string, string>> = {
  alter: 'tables are altered by migrations, where they are walled',
  commit: 'a function must not end the transaction its wall depends on',
  copy: 'COPY does not see the wall',
  create: 'tables are made by migrations, where they are walled',
  do: 'write its statements out',
  drop: 'tables are dropped by migrations',
  grant: 'rights are given by Bulkhead',
  listen: 'notifications go to every tenant of the database',
  lock: 'locks keep every tenant of the database out',
  notify: 'notifications go to every tenant of the database',
  reset: 'settings are made by Bulkhead',
  revoke: 'rights are given by Bulkhead',
  rollback: 'a function must not end the transaction its wall depends on',
  set: 'settings are made by Bulkhead',
  truncate: 'TRUNCATE does not see the wall',
};

const beforeStatement: ReadonlySet<string> = new Set([';', 'begin', 'then', 'else', 'loop', '>']);

/** There is no grammar at hand for plpgsql, so its words are looked at one by one. */
function vetPlpgsqlBody(body: string): void {
  const tokens = tokensOf(body);
  for (const [index, { kind, text }] of tokens.entries()) {
    if (kind === 'text' || kind === 'mark') continue;
    const word = (kind === 'quoted' ? text.slice(1, -1) : text).toLowerCase();
    const begins = beforeStatement.has(tokens[index - 1]?.text.toLowerCase() ?? ';') && kind === 'word';
    const reason =
      reasonFor(forbiddenWords, word) ?? (begins ? reasonFor(forbiddenStatements, word) : undefined);
    if (reason !== undefined) refuse(`the function uses ${word}: ${reason}`);
    if (isForbiddenFunction(word))
      refuse(`the function uses ${word}, which reaches outside of the container`);
  }
}

function reasonFor(reasons: Readonly<Record<string, string>>, word: string): string | undefined {
  return Object.hasOwn(reasons, word) ? reasons[word] : undefined;
}
