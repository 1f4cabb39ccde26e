import { Command } from 'commander';
import { withOperator } from '../connection/connect.ts';
import { toAction, type Cli } from '../session.ts';

export function tenantSuspendCommand(cli: Cli): Command {
  return new Command('suspend')
    .description('block a tenant within a second, on every node and in its stores; the data stays')
    .argument('<tenant>', 'id or slug')
    .action(
      toAction(cli, async (session, _, [tenant = '']) => {
        const changed = await withOperator(session, (operator) =>
          operator.call('suspendTenant', { params: { tenant }, query: undefined, body: undefined }),
        );
        session.output.result(changed, (page) => page.paint('good', `${changed.slug} is ${changed.state}`));
      }),
    );
}
