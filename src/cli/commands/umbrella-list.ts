import { Command } from 'commander';
import { withOperator } from '../connection/connect.ts';
import { toAction, type Cli } from '../session.ts';
import { grantTable } from '../views/grant.ts';

export function umbrellaListCommand(cli: Cli): Command {
  return new Command('list')
    .description('list what a tenant may read below it, and who above may read it')
    .argument('<tenant>', 'id or slug')
    .action(
      toAction(cli, async (session, _, [tenant = '']) => {
        const { items } = await withOperator(session, (operator) =>
          operator.call('listGrants', { params: { tenant }, query: undefined, body: undefined }),
        );
        session.output.result({ items }, (page) =>
          items.length === 0
            ? `no grants; make one with: bulkhead umbrella grant ${tenant}`
            : grantTable(page, items, Date.now()),
        );
      }),
    );
}
