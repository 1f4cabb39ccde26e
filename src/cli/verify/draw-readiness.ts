import type { ReadinessView } from '../../client/schemas/readiness.ts';
import type { Page } from '../output.ts';
import type { Cell } from '../text/table.ts';

type Check = ReadinessView['checklist'][number];

const states: Readonly<Record<Check['state'], Cell>> = {
  ok: { text: 'ok', style: 'good' },
  fail: { text: 'FAIL', style: 'bad' },
  not_yet: { text: 'not yet', style: 'dim' },
};

export function drawReadiness(
  page: Page,
  { ready, groups, checklist, counts, metrics }: ReadinessView,
): string {
  const grouped = page.table(
    [
      { title: 'group' },
      { title: 'state' },
      { title: 'check', shrink: 'when_narrow' },
      { title: 'found', shrink: 'when_narrow' },
    ],
    groups.flatMap(({ group, checks }) =>
      checks.map(({ state, name, found }) => [group, states[state], name, found]),
    ),
  );
  const lines = page.table(
    [
      { title: 'line' },
      { title: 'state' },
      { title: 'what has to hold', shrink: 'when_narrow' },
      { title: 'found', shrink: 'when_narrow' },
    ],
    checklist.map(({ id, state, name, found }) => [id, states[state], name, found]),
  );
  const overhead = Object.entries(metrics.overheadMs).map(([isolation, ms]) => `${isolation} ${ms} ms`);
  const figures = page.fields([
    ['active tenants', metrics.tenants.toString()],
    [
      'by isolation',
      Object.entries(metrics.tenantsByIsolation)
        .map(([isolation, count]) => `${isolation} ${count}`)
        .join(', '),
    ],
    ['containers', `${metrics.containers}; the fullest holds ${metrics.largestContainerTenants} tenants`],
    ['tenants with cost', `${metrics.tenantsWithCost ?? 0} this month`],
    ['a scoped statement', overhead.join(', ') || 'no tenant to measure with'],
  ]);
  const summary = `${counts.ok} ok, ${counts.fail} failed, ${counts.notYet} not yet`;
  return [
    page.paint('strong', 'Readiness'),
    grouped,
    '',
    page.paint('strong', 'Security checklist'),
    lines,
    '',
    page.paint('strong', 'Key metrics'),
    figures,
    '',
    page.paint(ready ? 'good' : 'bad', `${ready ? 'ready' : 'NOT READY'}: ${summary}`),
  ].join('\n');
}
