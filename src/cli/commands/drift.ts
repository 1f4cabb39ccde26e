import { Command } from 'commander';
import type { DriftReport } from '../../fleet/drift/report.ts';
import { withNode } from '../connection/node.ts';
import type { Page } from '../output.ts';
import { toAction, type Cli } from '../session.ts';
import { toSafeLine } from '../text/width.ts';
import { collect } from './collect.ts';

interface Options {
  readonly tenant?: readonly string[];
}

export function driftCommand(cli: Cli): Command {
  return new Command('drift')
    .description('compare every container with what its migrations make, and say what is different')
    .option('--tenant <tenant>', 'only tenants named, with containers of their own; may be repeated', collect)
    .addHelpText(
      'after',
      '\nChanges nothing. What it found comes with the SQL that mends it. Ends with 1 when something is different.',
    )
    .action(
      toAction<Options>(cli, async (session, { tenant }) => {
        const report = await withNode(session, (node) => node.fleet.drift({ only: tenant }));
        session.output.result(report, (page) => drawDrift(page, report));
        if (report.unreachable.length > 0) return 'unreachable';
        return report.drifted.length === 0 ? 'ok' : 'failed';
      }),
    );
}

function drawDrift({ paint }: Page, report: DriftReport): string {
  const { compared, facts, drifted, unreachable } = report;
  const drawn = drifted.flatMap(({ container, slug, version, differences }) => [
    `${paint('bad', 'drifted')} ${paint('strong', container)}${slug === undefined ? '' : ` (${slug})`} at ${version}`,
    ...differences.flatMap(({ kind, object, problem, mend }) => [
      toSafeLine(`  the ${kind} ${object} ${problem}`),
      ...mend.split('\n').map((line) => paint('dim', toSafeLine(`    ${line}`))),
    ]),
  ]);
  const lost = unreachable.map(
    ({ container, reason }) => `${paint('bad', 'not compared')} ${container}: ${toSafeLine(reason)}`,
  );
  const end = `${compared} containers compared, up to ${facts} facts each; ${drifted.length} differ`;
  return [...drawn, ...lost, drifted.length === 0 ? paint('good', end) : end].join('\n');
}
