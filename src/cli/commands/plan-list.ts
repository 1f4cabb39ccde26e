import { Command } from 'commander';
import { withOperator } from '../connection/connect.ts';
import { toAction, type Cli } from '../session.ts';

export function planListCommand(cli: Cli): Command {
  return new Command('list').description('list the plans and what they include').action(
    toAction(cli, async (session) => {
      const { items } = await withOperator(session, (operator) =>
        operator.call('listPlans', { params: {}, query: undefined, body: undefined }),
      );
      session.output.result({ items }, (page) =>
        page.table(
          [
            { title: 'id' },
            { title: 'name', shrink: 'when_narrow' },
            { title: 'isolations' },
            { title: 'default' },
            { title: 'requests/min', align: 'right' },
            { title: 'connections', align: 'right' },
            { title: 'usd/month', align: 'right' },
          ],
          items.map((plan) => [
            plan.id,
            plan.name,
            plan.isolations.join(', '),
            plan.defaultIsolation,
            plan.rates.perMinute.toString(),
            plan.connections.toString(),
            plan.priceUsd,
          ]),
        ),
      );
    }),
  );
}
