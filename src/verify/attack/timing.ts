export interface TimingVerdict {
  readonly differs: boolean;
  readonly rounds: number;
  readonly how: string;
}

/** By chance one kind is called slower once in some hundred million looks. */
const deviations = 5.5;

/**
 * Whether the first takes longer, or less long, than the second: a sign test over rounds that go turn about, so that
 * whatever else the machine does falls on both alike. A look that differs is repeated with three times the rounds
 * before it is believed.
 */
export async function isSlower(
  first: () => Promise<void>,
  second: () => Promise<void>,
  rounds = 120,
): Promise<TimingVerdict> {
  for (let round = 0; round < 6; round += 1) await (round % 2 === 0 ? first() : second());
  const look = await compare(first, second, rounds);
  return look.differs ? await compare(first, second, rounds * 3) : look;
}

async function compare(
  first: () => Promise<void>,
  second: () => Promise<void>,
  rounds: number,
): Promise<TimingVerdict> {
  let slower = 0;
  for (let round = 0; round < rounds; round += 1) {
    const forwards = round % 2 === 0;
    const one = await timed(forwards ? first : second);
    const other = await timed(forwards ? second : first);
    slower += one > other === forwards ? 1 : 0;
  }
  const share = slower / rounds;
  const tolerance = (deviations * 0.5) / Math.sqrt(rounds);
  return {
    differs: Math.abs(share - 0.5) > tolerance,
    rounds,
    how: `slower in ${slower} of ${rounds} rounds`,
  };
}

async function timed(work: () => Promise<void>): Promise<number> {
  const startedMs = performance.now();
  await work();
  return performance.now() - startedMs;
}
