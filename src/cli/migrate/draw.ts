import type { FleetRun, MigrationPlan, RunContainer } from '../../fleet/fleet.ts';
import type { Page } from '../output.ts';
import type { Style } from '../text/paint.ts';
import { toDuration } from '../text/when.ts';

export function drawPlan(page: Page, plan: MigrationPlan): string {
  const { containers, frozen, upToDate, unreachable, target } = plan;
  const rows = [...containers, ...frozen].map((one) => [
    one.container,
    one.slug ?? '(many tenants)',
    frozen.includes(one) ? { text: 'frozen', style: 'warn' as const } : one.ring,
    one.from === '' ? '-' : one.from,
    one.to,
    one.migrations.join(', '),
  ]);
  const table = page.table(
    [
      { title: 'container' },
      { title: 'tenant' },
      { title: 'ring' },
      { title: 'from' },
      { title: 'to' },
      { title: 'migrations', shrink: 'when_narrow' },
    ],
    rows,
  );
  const summary = `to ${target}: ${containers.length} to migrate, ${upToDate} up to date, ${frozen.length} frozen, ${unreachable.length} not reachable`;
  return [
    ...(rows.length === 0 ? [] : [table, '']),
    page.paint('strong', summary),
    ...unreachable.map(({ container, reason }) => page.paint('bad', `${container}: ${reason}`)),
    page.paint('dim', 'nothing was changed'),
  ].join('\n');
}

const styles: Record<FleetRun['state'], Style> = {
  running: 'warn',
  paused: 'warn',
  done: 'good',
  failed: 'bad',
  cancelled: 'warn',
};

const next: Partial<Record<FleetRun['state'], string>> = {
  paused: 'go on with: bulkhead migrate --resume',
  failed: 'mend the cause, then: bulkhead migrate --retry',
};

export function drawRun(page: Page, run: FleetRun, failed: readonly RunContainer[]): string {
  const { id, state, reason, target, counts, startedAt, endedAt } = run;
  const took = endedAt === undefined ? '' : ` in ${toDuration(endedAt.getTime() - startedAt.getTime())}`;
  const counted = Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([outcome, count]) => `${count} ${outcome}`)
    .join(', ');
  const advice = next[state];
  return [
    `${page.paint(styles[state], state)}${took}: to ${target}, ${counted === '' ? 'nothing to do' : counted}`,
    ...(reason === undefined ? [] : [reason]),
    ...(failed.length === 0 ? [] : ['', drawFailed(page, failed), '']),
    ...(advice === undefined ? [] : [page.paint('strong', `${advice} ${id}`)]),
    page.paint('dim', `run ${id}`),
  ].join('\n');
}

function drawFailed(page: Page, failed: readonly RunContainer[]): string {
  return page.table(
    [{ title: 'container' }, { title: 'code' }, { title: 'reason', shrink: 'when_narrow' }],
    failed.map(({ container, code, reason }) => [container, code ?? '-', reason ?? '-']),
  );
}
