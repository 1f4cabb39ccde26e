import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const lines = (await readFile(join(root, 'docs/coverage.md'), 'utf8')).split('\n');
const rows = lines.flatMap((line) => {
  const [, number, , state = '', shown = ''] =
    /^\| R(\d+) \| ([^|]+) \| ([^|]+) \| (.*) \|$/.exec(line) ?? [];
  return number === undefined ? [] : [{ number: Number(number), state: state.trim(), shown }];
});

test('every requirement has one row', () => {
  expect(rows.map(({ number }) => number)).toEqual(Array.from({ length: 226 }, (_, index) => index + 1));
});

test('what is done or partly done is shown by tests that exist', async () => {
  const missing: string[] = [];
  let looked = 0;
  for (const { number, state, shown } of rows) {
    expect(['done', 'partly', 'not yet']).toContain(state);
    const tests = [...(shown.split(' · ')[0]?.matchAll(/`([^`]+)`: (.+?)(?=; `|$)/g) ?? [])];
    if (state !== 'not yet' && tests.length === 0) missing.push(`R${number}: ${state}, and no test`);
    for (const [, file = '', title = ''] of tests) {
      looked += 1;
      const text = await readFile(join(root, file), 'utf8').catch(() => '');
      if (!text.includes(title)) missing.push(`R${number}: ${file} has no "${title}"`);
    }
  }
  expect(missing).toEqual([]);
  expect(looked).toBeGreaterThan(100);
});

test('the counts at the top are those of the table', () => {
  const count = (state: string): number => rows.filter((row) => row.state === state).length;
  const head = lines.find((line) => line.includes(' not yet.')) ?? '';
  expect(head).toContain(`${count('done')} done, ${count('partly')} partly, ${count('not yet')} not yet`);
});
