/**
 * Code that PostgreSQL runs with the owner's rights, in front of the wall.
 *
 * What a foreign key does to other rows (cascade, set null) it does as the owner of the table and past row-level
 * security, and triggers of those rows run inside of it: before-triggers on PostgreSQL 17, all of them on 18. A trigger
 * that counts rows there counts those of every tenant. Checks, defaults and index expressions are evaluated there too.
 * Such code may compute; it may not look at tables.
 */
import type { SqlParser } from '../../../drivers/sql-parser.ts';
import { as, namesOf, walk } from './ast.ts';
import type { Scratch } from './scratch.ts';
import { tokensOf, type Token } from './tokens.ts';

interface OwnerCode extends Record<string, unknown> {
  /** `the trigger touch`, `a check, default or index` */
  readonly by: string;
  /** The table; undefined where it is not known. */
  readonly relation: string | null;
  readonly name: string;
  readonly body: string;
  readonly language: string;
  readonly atomic: boolean;
}

export interface OwnerProblem {
  readonly name: string;
  readonly reason: string;
}

/** @returns the first function that would look at tables with the owner's rights */
export async function findOwnerProblem(
  scratch: Scratch,
  parser: SqlParser,
): Promise<OwnerProblem | undefined> {
  const { rows } = await scratch.tx.query<OwnerCode>(ownerCodeQuery, [scratch.schema]);
  const own = await scratch.tx.query<{ name: string }>(
    `select p.proname::text as name from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = $1`,
    [scratch.schema],
  );
  const functions = new Set(own.rows.map(({ name }) => name));
  const found = rows.find((code) => looksAtTables(code, { functions, parser }));
  return (
    found && {
      name: found.relation ?? found.name,
      reason: `the function ${found.name} is run by ${found.by} with the owner’s rights, so it must not look at tables`,
    }
  );
}

const ownerCodeQuery = `
select distinct c.by, c.relation, p.proname::text as name, p.prosrc as body, l.lanname::text as language,
  p.prosqlbody is not null as atomic
from (
  select t.tgfoid as function, format('the trigger %s of %s, when a foreign key changes its rows,', t.tgname, r.relname) as by,
    r.relname::text as relation
  from pg_trigger t
  join pg_class r on r.oid = t.tgrelid
  where not t.tgisinternal and exists (
    select from pg_constraint f
    where f.conrelid = r.oid and f.contype = 'f' and (f.confdeltype in ('c', 'n', 'd') or f.confupdtype in ('c', 'n', 'd')))
  union all
  select d.refobjid, 'a check, default or index expression', null
  from pg_depend d
  where d.refclassid = 'pg_proc'::regclass
    and d.classid in ('pg_constraint'::regclass, 'pg_attrdef'::regclass, 'pg_class'::regclass)
) c
join pg_proc p on p.oid = c.function
join pg_namespace n on n.oid = p.pronamespace
join pg_language l on l.oid = p.prolang
where n.nspname = $1
order by 1, 3`;

interface Known {
  readonly functions: ReadonlySet<string>;
  readonly parser: SqlParser;
}

function looksAtTables(code: OwnerCode, known: Known): boolean {
  if (code.atomic) return true;
  return code.language === 'sql' ? sqlLooks(code.body, known) : plpgsqlLooks(code.body, known);
}

function sqlLooks(body: string, { functions, parser }: Known): boolean {
  return parser.parseScript(body).some(({ kind, node }) => {
    let looks = kind !== 'SelectStmt';
    walk(node, (inner) => {
      const called = namesOf(as(inner, 'FuncCall')?.funcname).at(-1);
      looks ||= as(inner, 'RangeVar') !== undefined || (called !== undefined && functions.has(called));
    });
    return looks;
  });
}

/** Words with which plpgsql reads or writes. `x := count(*) from t` is one more way, so `from` is looked at closely. */
const looking: ReadonlySet<string> = new Set([
  'select',
  'insert',
  'update',
  'delete',
  'merge',
  'perform',
  'call',
  'execute',
  'table',
  'query',
  'open',
  'fetch',
  'cursor',
]);

function plpgsqlLooks(body: string, { functions }: Known): boolean {
  const tokens = tokensOf(body);
  const opened: string[] = [];
  return tokens.some((token, index) => {
    const word = wordOf(token);
    const before = wordOf(tokens[index - 1]);
    if (token.text === '(') opened.push(before);
    if (token.text === ')') opened.pop();
    if (token.kind === 'word' && looking.has(word)) return true;
    if (token.kind === 'word' && word === 'from')
      return before !== 'distinct' && !fromInside.has(opened.at(-1) ?? '');
    return functions.has(word) && tokens[index + 1]?.text === '(';
  });
}

/** Functions whose arguments are divided by FROM. */
const fromInside: ReadonlySet<string> = new Set(['extract', 'substring', 'trim', 'overlay']);

function wordOf(token: Token | undefined): string {
  if (token?.kind === 'quoted') return token.text.slice(1, -1);
  return token?.kind === 'word' ? token.text.toLowerCase() : '';
}
