import type { AdminDatabase } from '../../../drivers/sql.ts';
import type { ProofOptions } from '../options.ts';
import { prove, proveWithin } from '../prove.ts';
import { codeMutations } from './code-mutations.ts';
import { keyAndGrantMutations } from './key-and-grant-mutations.ts';
import { toParts, type Mutation, type MutationTarget } from './mutation.ts';
import { policyMutations } from './policy-mutations.ts';
import { roleMutations } from './role-mutations.ts';
import { surroundingMutations } from './surrounding-mutations.ts';
import { tableMutations } from './table-mutations.ts';

/** Every way we know to break a walled schema one way at a time. */
export function mutationsOf(target: MutationTarget): readonly Mutation[] {
  const parts = toParts(target);
  return [
    ...roleMutations(parts),
    ...tableMutations(parts),
    ...policyMutations(parts),
    ...codeMutations(parts),
    ...keyAndGrantMutations(parts),
    ...surroundingMutations(parts),
  ];
}

export interface MutationScore {
  readonly planted: number;
  readonly caught: number;
  /** Planted, and the expected condition did not break. */
  readonly missed: readonly string[];
  /** Could not be planted here, with the reason; counted as neither. */
  readonly notPlanted: readonly string[];
}

/**
 * Breaks a database one way after the other, proves it each time and undoes it: how much the proof notices. For a
 * database nobody else uses, as a clone; it takes a superuser.
 */
export async function scoreMutations(
  db: AdminDatabase,
  input: { readonly options: ProofOptions; readonly mutations: readonly Mutation[] },
): Promise<MutationScore> {
  // A finding that was there before says nothing about a mutation.
  const before = new Set((await prove(db, input.options)).findings.map(({ fingerprint }) => fingerprint));
  const outcomes: (Outcome & { readonly mutation: Mutation })[] = [];
  for (const mutation of input.mutations) {
    const outcome = await plant(db, mutation, { options: input.options, before });
    outcomes.push({ mutation, ...outcome });
  }
  const named = (wanted: Outcome['kind']): string[] =>
    outcomes
      .filter(({ kind }) => kind === wanted)
      .map(({ mutation, detail }) => `${mutation.name} (${mutation.attack}, ${mutation.expect}): ${detail}`);
  const missed = named('missed');
  const notPlanted = named('not_planted');
  const planted = outcomes.length - notPlanted.length;
  return { planted, caught: planted - missed.length, missed, notPlanted };
}

interface Outcome {
  readonly kind: 'caught' | 'missed' | 'not_planted';
  readonly detail: string;
}

/** Carries the outcome out of a transaction that must not be committed. */
class Undo extends Error {
  readonly outcome: Outcome;

  constructor(outcome: Outcome) {
    super('undo');
    this.name = 'Undo';
    this.outcome = outcome;
  }
}

async function plant(
  db: AdminDatabase,
  mutation: Mutation,
  { options, before }: { readonly options: ProofOptions; readonly before: ReadonlySet<string> },
): Promise<Outcome> {
  if (mutation.needs === 'postgres' && db.dialect !== 'postgres')
    return { kind: 'not_planted', detail: 'needs a PostgreSQL server' };
  try {
    return await db.transaction(async (tx): Promise<Outcome> => {
      try {
        await tx.script(mutation.sql);
      } catch (cause) {
        throw new Undo({ kind: 'not_planted', detail: cause instanceof Error ? cause.message : 'refused' });
      }
      const { findings } = await proveWithin(tx, options);
      const errors = findings
        .filter(
          ({ severity, fingerprint }) =>
            (severity === 'error' || mutation.noticedAs === severity) && !before.has(fingerprint),
        )
        .map(({ condition }) => condition);
      throw new Undo({
        kind: errors.includes(mutation.expect) ? 'caught' : 'missed',
        detail: errors.length === 0 ? 'nothing was found' : `found ${[...new Set(errors)].join(', ')}`,
      });
    });
  } catch (cause) {
    if (cause instanceof Undo) return cause.outcome;
    throw cause;
  }
}
