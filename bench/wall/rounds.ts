import { median } from '../row.ts';
import type { Contender, Operation } from './contenders.ts';
import type { Fixture } from './fixture.ts';

/** A figure of each contender, round by round. */
export type Rounds = ReadonlyMap<string, readonly number[]>;

/**
 * Every contender once a round, in an order that rotates: what else the machine does hits them alike, and a ratio is
 * taken within its round.
 */
export async function playRounds(
  fixture: Fixture,
  contenders: readonly Contender[],
  game: { operation: Operation; inFlight: number; rounds: number; durationMs: number },
): Promise<Rounds> {
  const results = new Map<string, number[]>(contenders.map(({ name }) => [name, []]));
  const ids = newIds(fixture);
  for (let round = -1; round < game.rounds; round += 1)
    for (let turn = 0; turn < contenders.length; turn += 1) {
      const contender = contenders[(turn + round + 1) % contenders.length];
      if (contender === undefined) continue;
      const perSecond = await play(fixture, contender, { ...game, ids });
      // The first round opens connections and warms plans.
      if (round >= 0) results.get(contender.name)?.push(perSecond);
    }
  return results;
}

async function play(
  fixture: Fixture,
  contender: Contender,
  game: { operation: Operation; inFlight: number; durationMs: number; ids: (operation: Operation) => number },
): Promise<number> {
  const started = performance.now();
  const end = started + game.durationMs;
  let done = 0;
  const ask = async (): Promise<void> => {
    while (performance.now() < end) {
      await contender.run(game.operation, anyTenant(fixture), game.ids(game.operation));
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: game.inFlight }, ask));
  return (done / (performance.now() - started)) * 1_000;
}

/** A processor keeps one mood for longer than this: the contenders take turns so often that each meets all of them. */
const operationsATurn = 10;

/** The median of milliseconds of one operation at a time, round by round; the contenders take short turns. */
export async function measureLatency(
  fixture: Fixture,
  contenders: readonly Contender[],
  game: { operation: Operation; rounds: number; operations: number },
): Promise<Rounds> {
  const results = new Map<string, number[]>(contenders.map(({ name }) => [name, []]));
  const ids = newIds(fixture);
  for (let round = -1; round < game.rounds; round += 1) {
    const samples = new Map<string, number[]>(contenders.map(({ name }) => [name, []]));
    for (let done = 0; done < game.operations; done += operationsATurn)
      for (const contender of contenders)
        for (let index = 0; index < operationsATurn; index += 1) {
          const [tenant, id] = [anyTenant(fixture), ids(game.operation)];
          const started = performance.now();
          await contender.run(game.operation, tenant, id);
          samples.get(contender.name)?.push(performance.now() - started);
        }
    // The first round opens connections and warms plans.
    if (round >= 0) for (const [name, taken] of samples) results.get(name)?.push(median(taken));
  }
  return results;
}

/** The median of the ratios of each round. */
export function ratioOf(rounds: Rounds, name: string, to: string): number {
  const others = rounds.get(to) ?? [];
  return median((rounds.get(name) ?? []).map((value, round) => value / (others[round] ?? Number.NaN)));
}

function anyTenant({ tenants }: Fixture): Fixture['tenants'][number] {
  const tenant = tenants[Math.floor(Math.random() * tenants.length)];
  if (tenant === undefined) throw new Error('a fixture without tenants');
  return tenant;
}

function newIds(fixture: Fixture): (operation: Operation) => number {
  // Far above what is there, so that an insert never meets another.
  let fresh = Math.floor(Math.random() * 2 ** 40) + 2 ** 40;
  return (operation) => {
    if (operation !== 'insert') return 1 + Math.floor(Math.random() * (fixture.rowsPerTenant - 20));
    fresh += 1;
    return fresh;
  };
}
