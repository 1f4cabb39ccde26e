import { Command, Option } from 'commander';
import { withOperator } from '../connection/connect.ts';
import type { Page } from '../output.ts';
import { toAction, type Cli } from '../session.ts';
import type { Cell } from '../text/table.ts';

interface Options {
  readonly month?: string;
  readonly basis: 'proportional' | 'even' | 'usage' | 'storage' | 'weighted' | 'fixed';
  readonly meter?: string;
  readonly weights?: string;
  readonly idle: string;
  readonly format?: 'csv' | 'focus';
}

const bases = ['proportional', 'even', 'usage', 'storage', 'weighted', 'fixed'] as const;

export function costCommand(cli: Cli): Command {
  return new Command('cost')
    .description('what tenants cost and pay in a month, and who costs more than they pay')
    .option('--month <month>', 'such as 2026-11; default this one')
    .addOption(
      new Option('--basis <basis>', 'how fixed cost is divided').choices(bases).default('proportional'),
    )
    .option('--meter <meter>', 'the amount that --basis usage goes by; default requests')
    .option('--weights <list>', 'for weighted and fixed: acme:30,globex:70')
    .option('--idle <percent>', 'per cent of fixed cost that is capacity nobody used', '0')
    .addOption(new Option('--format <format>', 'print a file and no table').choices(['csv', 'focus']))
    .action(
      toAction<Options>(cli, async (session, { month, basis, meter, weights, idle, format }) => {
        const query = {
          basis,
          idlePercent: idle,
          format: format ?? ('json' as const),
          ...(month === undefined ? {} : { month }),
          ...(meter === undefined ? {} : { meter }),
          ...(weights === undefined ? {} : { weights }),
        };
        const report = await withOperator(session, (operator) =>
          operator.call('getCosts', { params: {}, query, body: undefined }),
        );
        if (typeof report === 'string') session.output.print(report);
        else session.output.result(report, (page) => drawReport(page, report));
      }),
    );
}

function drawReport(
  page: Page,
  report: {
    readonly month: string;
    readonly fixedUsd: string;
    readonly idleUsd: string;
    readonly totalUsd: string;
    readonly tenants: readonly {
      readonly slug: string;
      readonly plan: string;
      readonly variableUsd: string;
      readonly fixedUsd: string;
      readonly totalUsd: string;
      readonly priceUsd: string;
      readonly marginUsd: string;
    }[];
  },
): string {
  const toMargin = (usd: string): Cell => ({ text: usd, style: usd.startsWith('-') ? 'bad' : 'good' });
  const table = page.table(
    [
      { title: 'tenant', shrink: 'when_narrow' },
      { title: 'plan' },
      { title: 'variable', align: 'right' },
      { title: 'fixed', align: 'right' },
      { title: 'total', align: 'right' },
      { title: 'price', align: 'right' },
      { title: 'margin', align: 'right' },
    ],
    [
      ...report.tenants.map((each) => [
        each.slug,
        each.plan,
        each.variableUsd,
        each.fixedUsd,
        each.totalUsd,
        each.priceUsd,
        toMargin(each.marginUsd),
      ]),
      ['(idle)', '', '', report.idleUsd, report.idleUsd, '', ''],
    ],
  );
  const losses = report.tenants.filter(({ marginUsd }) => marginUsd.startsWith('-')).length;
  return `${table}\n${report.totalUsd} USD in ${report.month}; ${losses} of ${report.tenants.length} tenants cost more than they pay`;
}
