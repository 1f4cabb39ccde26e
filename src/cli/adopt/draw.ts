import type { AdoptStatus } from '../../fleet/adopt/adoption.ts';
import { phases, type AdoptPlan, type Phase } from '../../fleet/adopt/plan.ts';
import type { Page } from '../output.ts';
import { toSafeLine } from '../text/width.ts';

const explained: Readonly<Record<Phase, string>> = {
  column:
    'every table gets tenant_id, which says for rows old and new that they are this tenant’s; nothing is rewritten',
  backfill: 'rows of columns that were there before get their owner, page by page',
  'not-null': 'NOT NULL, by a check that is validated beside the traffic',
  keys: 'the tenant in every key: indexes built beside the traffic, then swapped',
  wall: 'function, role, rights and policies, which no table asks yet; and a rehearsal that is rolled back',
  'cut-over': 'tables are forced behind the wall; from here on there is no way back. Ends with the proof',
};

export function drawAdoptPlan({ paint }: Page, plan: AdoptPlan, status: AdoptStatus | undefined): string {
  const rows = plan.tables.reduce((sum, table) => sum + Math.max(0, table.rows), 0);
  const sizeBytes = plan.tables.reduce((sum, table) => sum + table.sizeBytes, 0);
  const obstacles = plan.obstacles.map(({ severity, object, reason, hint }) =>
    toSafeLine(`${paint(severity === 'refused' ? 'bad' : 'dim', severity)} ${object}: ${reason}; ${hint}`),
  );
  const steps = phases.map((phase) => {
    const count = plan.steps.filter((step) => step.phase === phase).length;
    return `  ${phase.padEnd(9)} ${String(count).padStart(4)} steps  ${explained[phase]}`;
  });
  const refused = plan.obstacles.some(({ severity }) => severity === 'refused');
  const next = refused
    ? paint('bad', 'nothing can be done before what is refused is out of the way')
    : paint('dim', 'next: the same with --run, which stops before the cut-over');
  return [
    `${plan.tables.length} tables of ${plan.schema}, about ${rows} rows and ${Math.ceil(sizeBytes / 2 ** 20)} MiB; shared: ${plan.shared.join(', ') || 'none'}`,
    `tenant ${plan.tenant}, role ${plan.roles.app}`,
    ...obstacles,
    ...(refused ? [] : steps),
    ...(status === undefined ? [] : [`${status.done} of ${status.total} steps are done`]),
    next,
  ].join('\n');
}

export function drawAdoptStatus({ paint }: Page, status: AdoptStatus): string {
  const { plan, done, total, phase, proof } = status;
  const lines = [`${done} of ${total} steps are done`];
  if (proof !== undefined) {
    lines.push(paint(proof.verdict === 'held' ? 'good' : 'bad', `the proof: ${proof.verdict}`));
    lines.push(...proof.problems.map((text) => toSafeLine(`  ${text}`)));
    lines.push(...proof.warnings.map((text) => paint('dim', toSafeLine(`  ${text}`))));
  }
  if (phase === 'cut-over' && status.reversible)
    lines.push(
      'everything is ready and nothing has changed for the application; --undo takes it back',
      paint('dim', 'next: --run --until cut-over, when the application can come as the new role'),
    );
  if (phase === undefined)
    lines.push(
      `tenant ${plan.tenant}, role ${plan.roles.app}: give it a password with ALTER ROLE`,
      paint('dim', `next: bulkhead prove --role ${plan.roles.app}`),
    );
  return lines.join('\n');
}
