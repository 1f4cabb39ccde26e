import { describe, expect, test } from 'vitest';
import { answersFeature, type AnswerCache, type Question } from '../../src/compartments/cache/answers.ts';
import { countWords } from '../../src/compartments/cache/probe.ts';
import { openScope, type Scope } from '../../src/core/scope.ts';
import { describeOnEachCacheStore } from './each-cache-store.ts';
import { newCacheBed, type CacheBed, type CacheTenant } from './support.ts';

const withAnswers = ({ scope }: CacheTenant): Scope => openScope({ ...scope, features: [answersFeature] });
const answersOf = (bed: CacheBed): AnswerCache => bed.cache.answers({ embed: countWords, threshold: 0.7 });
const question = (text: string, more: Partial<Question> = {}): Question => ({
  text,
  audience: 'everybody',
  context: 'model 1',
  ...more,
});
const asked = 'How many beds does ward seven have?';
const paraphrase = 'how many beds does the ward seven have';

describeOnEachCacheStore('answers', (store) => {
  test('are given again to the same and to similar questions of the same tenant', async () => {
    const bed = newCacheBed(store());
    const scope = withAnswers(await bed.tenant());
    const answers = answersOf(bed);
    expect(await answers.ask(scope, question(asked), async () => '12')).toEqual({
      answer: '12',
      from: 'model',
    });
    for (const text of [asked, asked.toUpperCase(), paraphrase])
      expect(await answers.ask(scope, question(text), async () => 'x')).toEqual({
        answer: '12',
        from: 'cache',
      });
    expect(await answers.ask(scope, question('Who runs the pharmacy?'), async () => 'Ann')).toMatchObject({
      from: 'model',
    });
  });

  test('are never another tenant’s, identical or paraphrased', async () => {
    const bed = newCacheBed(store());
    const [a, b] = [withAnswers(await bed.tenant()), withAnswers(await bed.tenant())];
    const answers = answersOf(bed);
    await answers.ask(a, question(asked), async () => 'of a');
    for (const text of [asked, paraphrase]) {
      const { answer } = await answers.ask(b, question(text), async () => 'of b');
      expect(answer).toBe('of b');
    }
  });

  test('are for one audience and one context within the tenant', async () => {
    const bed = newCacheBed(store());
    const scope = withAnswers(await bed.tenant());
    const answers = answersOf(bed);
    await answers.ask(scope, question(asked, { audience: 'doctors' }), async () => 'for doctors');
    for (const more of [{ audience: 'visitors' }, { audience: 'doctors', context: 'model 2' }])
      for (const text of [asked, paraphrase])
        expect(await answers.ask(scope, question(text, more), async () => 'other')).toMatchObject({
          answer: 'other',
        });
  });

  test('are off unless the tenant has the feature', async () => {
    const bed = newCacheBed(store());
    const { scope, placement } = await bed.tenant();
    const answers = answersOf(bed);
    for (let round = 0; round < 2; round += 1)
      expect(await answers.ask(scope, question(asked), async () => round)).toEqual({
        answer: round,
        from: 'model',
      });
    expect((await bed.cache.usage(placement)).map(({ amount }) => amount)).toEqual([0n, 0n]);
  });

  test('are forgotten when told to, also those that are being made', async () => {
    const bed = newCacheBed(store());
    const scope = withAnswers(await bed.tenant());
    const answers = answersOf(bed);
    await answers.ask(scope, question(asked), async () => {
      await answers.forget(scope);
      return 'outdated';
    });
    expect(await answers.ask(scope, question(asked), async () => 'new')).toEqual({
      answer: 'new',
      from: 'model',
    });
    await answers.forget(scope);
    expect(await answers.ask(scope, question(paraphrase), async () => 'newer')).toMatchObject({
      answer: 'newer',
    });
  });

  test(
    'the time of an answer does not tell what another tenant has asked',
    { timeout: 120_000 },
    async () => {
      const bed = newCacheBed(store());
      const [a, b] = [withAnswers(await bed.tenant()), withAnswers(await bed.tenant())];
      const answers = answersOf(bed);
      const samples = 220;
      const texts = (of: string): readonly string[] =>
        Array.from({ length: samples }, (_, index) => `${of} ${index} ${(index * 7919).toString(36)}`);
      const [known, unknown, alsoUnknown] = [texts('known'), texts('unknown'), texts('other')];
      for (const text of known) await answers.ask(a, question(text), async () => text);
      const timed = async (scope: Scope, text: string): Promise<number> => {
        const startedMs = performance.now();
        await answers.ask(scope, question(text), async () => text);
        return performance.now() - startedMs;
      };
      const measure = async (
        scope: Scope,
        left: readonly string[],
        right: readonly string[],
      ): Promise<number> => {
        const [ofLeft, ofRight]: [number[], number[]] = [[], []];
        for (let index = 0; index < samples; index += 1) {
          const sides = [
            async () => ofLeft.push(await timed(scope, left[index] ?? '')),
            async () => ofRight.push(await timed(scope, right[index] ?? '')),
          ];
          for (const side of Math.random() < 0.5 ? sides : sides.toReversed()) await side();
        }
        return zOfMannWhitney(ofLeft, ofRight);
      };
      // The measure can tell: for the tenant that asked before, it is plain to see.
      expect(await measure(a, known, alsoUnknown)).toBeLessThan(-6);
      expect(Math.abs(await measure(b, known, unknown))).toBeLessThan(4);
    },
  );
});

/** Mann and Whitney 1947: standardised U of two samples; beyond ±4 they differ (p < 0.0001). Negative: the left is less. */
function zOfMannWhitney(left: readonly number[], right: readonly number[]): number {
  let wins = 0;
  for (const x of left) for (const y of right) wins += x > y ? 1 : x === y ? 0.5 : 0;
  const product = left.length * right.length;
  return (wins - product / 2) / Math.sqrt((product * (left.length + right.length + 1)) / 12);
}

describe('the measure of time', () => {
  test('tells samples that differ from samples that do not', () => {
    const numbers = Array.from({ length: 200 }, (_, index) => index);
    expect(zOfMannWhitney(numbers, numbers)).toBe(0);
    expect(
      zOfMannWhitney(
        numbers,
        numbers.map((each) => each + 60),
      ),
    ).toBeLessThan(-4);
  });
});
