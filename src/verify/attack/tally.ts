import type { Isolation } from '../../core/placement.ts';
import type { FrontName, Outcome } from './attack-case.ts';
import type { AttackLine, AttackReport, NegativeControl, PairCell } from './report.ts';

export interface Attempt {
  readonly front: FrontName;
  readonly id: string;
  readonly attacks: readonly string[];
  readonly how: string;
  readonly attacker: Isolation;
  readonly victim: Isolation;
}

type Counts = { held: number; leaked: number; untested: number; notCovered: number };

const counted = {
  held: 'held',
  leaked: 'leaked',
  untested: 'untested',
  not_covered: 'notCovered',
} as const satisfies Record<Outcome['result'], keyof Counts>;

/** Adds up what attacks came to, by attack and by pair of isolations. */
export class Tally {
  readonly #lines = new Map<
    string,
    Attempt & Counts & { pairs: number; tried: number; because: Set<string> }
  >();
  readonly #pairs = new Map<string, Pick<Attempt, 'attacker' | 'victim'> & Counts>();

  add(attempt: Attempt, outcome: Outcome): void {
    const none = { held: 0, leaked: 0, untested: 0, notCovered: 0 };
    const { attacker, victim, id } = attempt;
    const line = this.#lines.get(id) ?? {
      ...attempt,
      ...none,
      pairs: 0,
      tried: 0,
      because: new Set<string>(),
    };
    const pair = this.#pairs.get(`${attacker}/${victim}`) ?? { attacker, victim, ...none };
    this.#lines.set(id, line);
    this.#pairs.set(`${attacker}/${victim}`, pair);
    line.pairs += 1;
    line.tried += outcome.result === 'held' ? outcome.tried : 1;
    line[counted[outcome.result]] += 1;
    pair[counted[outcome.result]] += 1;
    if (outcome.result !== 'held') line.because.add(`${attacker} on ${victim}: ${outcome.because}`);
  }

  report(controls: readonly NegativeControl[]): AttackReport {
    const lines = [...this.#lines.values()].map(
      ({ attacker: _attacker, victim: _victim, because, ...line }): AttackLine => ({
        ...line,
        because: [...because],
      }),
    );
    const pairs = [...this.#pairs.values()].map(({ attacker, victim, held, leaked, untested }): PairCell => ({
      attacker,
      victim,
      held,
      leaked,
      untested,
    }));
    const executed = lines.reduce((sum, { held, leaked }) => sum + held + leaked, 0);
    return { lines, pairs, controls, executed };
  }
}
