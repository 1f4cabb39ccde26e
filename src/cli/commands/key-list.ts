import { Command } from 'commander';
import { withOperator } from '../connection/connect.ts';
import { toAction, type Cli } from '../session.ts';
import { keyTable } from '../views/key.ts';

export function keyListCommand(cli: Cli): Command {
  return new Command('list')
    .description('list the keys of a tenant; the keys themselves are never shown again')
    .argument('<tenant>', 'id or slug')
    .action(
      toAction(cli, async (session, _, [tenant = '']) => {
        const { items } = await withOperator(session, (operator) =>
          operator.call('listKeys', { params: { tenant }, query: undefined, body: undefined }),
        );
        session.output.result({ items }, (page) =>
          items.length === 0
            ? `no keys; make one with: bulkhead key create ${tenant} --name NAME`
            : keyTable(page, items, Date.now()),
        );
      }),
    );
}
