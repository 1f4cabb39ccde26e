import type { AttackRow } from './report.ts';

type NotHeld = { readonly result: 'leaked' | 'untested'; readonly because: string };
export type Outcome = { readonly result: 'held' } | NotHeld;

export const held: Outcome = { result: 'held' };

export function leaked(because: string): Outcome {
  return { result: 'leaked', because };
}

type Front = AttackRow['front'];

/** Counts attempts by what was attacked and how. */
export class AttackLog {
  readonly #rows = new Map<string, { front: Front; attack: string; outcomes: Outcome[] }>();

  add(front: Front, attack: string, outcome: Outcome): void {
    const key = `${front}/${attack}`;
    const row = this.#rows.get(key) ?? { front, attack, outcomes: [] };
    row.outcomes.push(outcome);
    this.#rows.set(key, row);
  }

  /** Tries it. An attempt that breaks in an unforeseen way proved nothing, and says so. */
  async try(front: Front, attack: string, attempt: () => Promise<Outcome>): Promise<void> {
    const outcome = await attempt().catch((cause: unknown): Outcome => ({
      result: 'untested',
      because: cause instanceof Error ? cause.message : String(cause),
    }));
    this.add(front, attack, outcome);
  }

  rows(): readonly AttackRow[] {
    return [...this.#rows.values()].map(({ front, attack, outcomes }) => {
      const of = (result: Outcome['result']): number =>
        outcomes.filter((outcome) => outcome.result === result).length;
      const first = outcomes.find((outcome): outcome is NotHeld => outcome.result !== 'held');
      return {
        front,
        attack,
        attempts: outcomes.length,
        held: of('held'),
        leaked: of('leaked'),
        untested: of('untested'),
        because: first?.because,
      };
    });
  }
}
