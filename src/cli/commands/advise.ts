import { Command, Option } from 'commander';
import { withOperator } from '../connection/connect.ts';
import { toAction, type Cli } from '../session.ts';

interface Options {
  readonly tenants: string;
  readonly enterprise?: string;
  readonly price?: string;
  readonly regimes?: string;
  readonly regulated?: string;
  readonly residency?: true;
  readonly ownTables?: true;
  readonly costs?: string;
  readonly record?: true;
}

export function adviseCommand(cli: Cli): Command {
  return new Command('advise')
    .description('which isolation for which tenants, why, and what it costs')
    .requiredOption('--tenants <number>', 'how many tenants in about a year')
    .option('--enterprise <number>', 'of them, those that pay for apartness')
    .option('--price <usd>', 'what a usual tenant pays a month')
    .option('--regimes <list>', 'hipaa, fedramp, gdpr, pci, soc2; with commas between')
    .option('--regulated <number>', 'how many are under them; default all')
    .option('--residency', 'data of some must stay in a place')
    .option('--own-tables', 'some need tables of their own')
    .option('--costs <table>', 'your own prices: "namespace=10:70,100:380;database=10:150"')
    .addOption(new Option('--record', 'print a decision record in Markdown'))
    .action(
      toAction<Options>(cli, async (session, options) => {
        const advice = await withOperator(session, (operator) =>
          operator.call('advise', { params: {}, query: toQuery(options), body: undefined }),
        );
        if (typeof advice === 'string') {
          session.output.print(advice);
          return;
        }
        session.output.result(advice, (page) =>
          [
            page.paint('strong', advice.option),
            ...advice.reasons.map((reason) => `  because ${reason}`),
            ...advice.cautions.map((caution) => `  ${page.paint('bad', 'but')} ${caution}`),
            '',
            page.table(
              [{ title: 'tenants' }, { title: 'how many', align: 'right' }, { title: 'isolation' }],
              advice.tiers.map((tier) => [tier.who, tier.tenants.toString(), tier.isolation]),
            ),
            '',
            page.table(
              [{ title: 'store' }, { title: 'isolation' }, { title: 'form', shrink: 'when_narrow' }],
              advice.stores.flatMap(({ store, forms }) =>
                forms.map(({ isolation, form }) => [store, isolation, form]),
              ),
            ),
            '',
            page.table(
              [
                { title: 'way' },
                { title: 'tenants', align: 'right' },
                { title: 'usd a month', align: 'right' },
                { title: 'each', align: 'right' },
                { title: 'published', align: 'right' },
              ],
              advice.costs.map((each) => [
                each.way,
                each.tenants.toString(),
                each.totalUsd,
                each.eachUsd,
                each.publishedRange,
              ]),
            ),
            '',
            page.table(
              [
                { title: 'trade-offs' },
                { title: 'cost' },
                { title: 'security', shrink: 'when_narrow' },
                { title: 'complexity', shrink: 'when_narrow' },
                { title: 'backup', shrink: 'when_narrow' },
                { title: 'best for', shrink: 'when_narrow' },
              ],
              advice.tradeOffs.map((each) =>
                ['way', 'cost', 'security', 'complexity', 'backup', 'bestFor'].map((key) => each[key] ?? ''),
              ),
            ),
          ].join('\n'),
        );
      }),
    );
}

function toQuery(options: Options) {
  const { tenants, enterprise, price, regimes, regulated, residency, ownTables, costs, record } = options;
  return {
    tenants,
    format: record === true ? ('markdown' as const) : ('json' as const),
    ...(enterprise === undefined ? {} : { enterpriseTenants: enterprise }),
    ...(price === undefined ? {} : { priceUsd: price }),
    ...(regimes === undefined ? {} : { regimes }),
    ...(regulated === undefined ? {} : { regulatedTenants: regulated }),
    ...(residency === undefined ? {} : { residency: 'needed' as const }),
    ...(ownTables === undefined ? {} : { ownTables: 'needed' as const }),
    ...(costs === undefined ? {} : { costs }),
  };
}
