import type { Page } from '../output.ts';
import type { Style } from '../text/paint.ts';
import type { Check, CheckState } from './check.ts';

const styles: Record<CheckState, Style> = { ok: 'good', warn: 'warn', fail: 'bad', untested: 'dim' };

export function drawChecks(page: Page, checks: readonly Check[]): string {
  const table = page.table(
    [
      { title: 'state' },
      { title: 'area' },
      { title: 'check' },
      { title: 'found', shrink: 'when_narrow' },
      { title: 'to do', shrink: 'when_narrow' },
    ],
    checks.map(({ state, area, name, found, todo }) => [
      { text: state, style: styles[state] },
      area,
      name,
      found,
      todo,
    ]),
  );
  const count = (state: CheckState): number => checks.filter((check) => check.state === state).length;
  const summary = `${count('ok')} ok, ${count('warn')} to look at, ${count('fail')} failed, ${count('untested')} not tested`;
  return `${table}\n\n${page.paint(count('fail') > 0 ? 'bad' : 'strong', summary)}`;
}
