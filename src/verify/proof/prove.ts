import { createHash } from 'node:crypto';
import { systemClock } from '../../core/clock.ts';
import { loadSqlParser, type SqlParser } from '../../drivers/sql-parser.ts';
import type { AdminDatabase, AdminTransaction } from '../../drivers/sql.ts';
import type { Facts } from './facts/facts.ts';
import { readFacts } from './facts/read-facts.ts';
import { judge } from './judge.ts';
import { toComparable, type ProofOptions } from './options.ts';
import type { ProofResult, ProofSubject } from './result.ts';
import { toSurvey } from './survey.ts';
import { countContexts, parseContext, type ContextExpression } from './walls/context-expression.ts';

/**
 * Proves, from the catalogue alone, that a login stays inside its tenant, in one read-only transaction that changes
 * nothing. Any role may run it.
 * @throws value_invalid when the context is no SQL expression; errors of the database as they are
 */
export async function prove(db: AdminDatabase, options: ProofOptions): Promise<ProofResult> {
  return db.transaction(async (tx) => {
    await tx.script('set transaction isolation level repeatable read read only');
    return proveWithin(tx, options);
  });
}

/** The same inside a transaction of the caller's, as after changes that will be rolled back. */
export async function proveWithin(tx: AdminTransaction, options: ProofOptions): Promise<ProofResult> {
  const clock = options.clock ?? systemClock;
  const startedMs = clock.monotonicMs();
  const parser = await loadSqlParser();
  const asked = options.context === undefined ? undefined : parseContext(parser, options.context);
  // Deparsed expressions must carry qualified names. Compiling or spilling this one statement costs more than it saves.
  await tx.script(`set local search_path = pg_catalog; set local jit = off; set local work_mem = '32MB'`);
  const { facts, text } = await readFacts(tx, {
    role: options.role,
    tenantColumn: options.tenantColumn,
    contextFunctions: (asked?.functions ?? []).map((name) => name.split('.').at(-1) ?? name),
    contextSettings: asked?.settings ?? [],
  });
  const settled = asked === undefined ? undefined : qualify(parser, asked, facts);
  if (settled === undefined) {
    const guess = guessContext(parser, facts, options);
    if (guess.context !== undefined) {
      const { durationMs: _first, ...result } = await proveWithin(tx, { ...options, context: guess.context });
      const subject: ProofSubject = { ...result.subject, contextFrom: 'policies' };
      return { ...result, subject, durationMs: Math.round((clock.monotonicMs() - startedMs) * 10) / 10 };
    }
    return judgeFacts({ options, facts, text, parser }, { clock, startedMs, doubts: [guess.doubt] });
  }
  return judgeFacts({ options, facts, text, parser, context: settled }, { clock, startedMs, doubts: [] });
}

const noContext: ContextExpression = { text: '(unknown)', normalForm: '', functions: [], settings: [] };

function judgeFacts(
  input: {
    readonly options: ProofOptions;
    readonly facts: Facts;
    readonly text: string;
    readonly parser: SqlParser;
    readonly context?: ContextExpression;
  },
  run: { readonly clock: typeof systemClock; readonly startedMs: number; readonly doubts: readonly string[] },
): ProofResult {
  const { options, facts, text, parser, context = noContext } = input;
  const inputsSha256 = createHash('sha256')
    .update(JSON.stringify(toComparable({ ...options, context: context.text })))
    .update('\0')
    .update(text)
    .digest('hex');
  const contextFrom = options.context === undefined ? 'policies' : 'given';
  return judge(toSurvey({ options, facts, parser, context }), { ...run, inputsSha256, contextFrom });
}

/** Gives functions written without a schema the one they have, where only one can be meant. */
function qualify(parser: SqlParser, context: ContextExpression, facts: Facts): ContextExpression {
  const renames = new Map(
    context.functions
      .filter((name) => !name.includes('.'))
      .flatMap((name): [string, string][] => {
        const schemas = new Set(
          facts.functions.filter((each) => each.name === name).map(({ schema }) => schema),
        );
        const [only] = schemas;
        return schemas.size === 1 && only !== undefined ? [[name, `${only}.${name}`]] : [];
      }),
  );
  return renames.size === 0 ? context : parseContext(parser, context.text, renames);
}

type Guess =
  | { readonly context: string; readonly doubt?: undefined }
  | { readonly context?: undefined; readonly doubt: string };

/** What the policies compare the tenant column with, if they agree. */
function guessContext(parser: SqlParser, facts: Facts, { tenantColumn }: ProofOptions): Guess {
  const expressions = new Map<string, number>();
  for (const { using, check, relations } of facts.policies)
    for (const text of new Set([using, check]))
      if (text !== null) expressions.set(text, (expressions.get(text) ?? 0) + relations.length);
  const found = [...countContexts(parser, { expressions, tenantColumn })].toSorted(([, a], [, b]) => b - a);
  const [first, ...others] = found;
  if (first !== undefined && others.length === 0) return { context: first[0] };
  return {
    doubt:
      first === undefined
        ? `no policy compares ${tenantColumn} with anything that could be the context: name it with --context`
        : `the policies compare ${tenantColumn} with ${found.map(([text, times]) => `${text} (${times}×)`).join(', ')}: name one with --context`,
  };
}
