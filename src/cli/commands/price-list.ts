import { Command } from 'commander';
import { withOperator } from '../connection/connect.ts';
import { toAction, type Cli } from '../session.ts';

interface Options {
  readonly model?: string;
}

export function priceListCommand(cli: Cli): Command {
  return new Command('list')
    .description('list the versions of the price lists, or the prices of one')
    .argument('[version]', 'a number of the list')
    .option('--model <text>', 'only models whose name contains it')
    .action(
      toAction<Options>(cli, async (session, { model }, [version]) => {
        if (version === undefined) {
          const { items } = await withOperator(session, (operator) =>
            operator.call('listPrices', { params: {}, query: undefined, body: undefined }),
          );
          session.output.result({ items }, (page) =>
            page.table(
              [
                { title: 'version', align: 'right' },
                { title: 'list' },
                { title: 'name', shrink: 'when_narrow' },
                { title: 'valid from' },
                { title: 'until' },
              ],
              items.map((each) => [
                each.version.toString(),
                each.list,
                each.name,
                each.validFrom,
                each.validUntil ?? '',
              ]),
            ),
          );
          return;
        }
        const { prices, ...found } = await withOperator(session, (operator) =>
          operator.call('getPrices', { params: { version }, query: undefined, body: undefined }),
        );
        const shown = prices.filter((price) => model === undefined || price.model.includes(model));
        session.output.result({ ...found, prices: shown }, (page) =>
          page.table(
            [
              { title: 'meter' },
              { title: 'model', shrink: 'when_narrow' },
              { title: 'rate' },
              { title: 'usd per unit', align: 'right' },
            ],
            shown.map((price) => [price.meter, price.model, price.rate, price.usdPerUnit]),
          ),
        );
      }),
    );
}
