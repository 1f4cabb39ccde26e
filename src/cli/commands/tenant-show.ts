import { Command } from 'commander';
import { withOperator } from '../connection/connect.ts';
import { toAction, type Cli } from '../session.ts';
import { tenantFields } from '../views/tenant.ts';

export function tenantShowCommand(cli: Cli): Command {
  return new Command('show')
    .description('show a tenant and where its data is')
    .argument('<tenant>', 'id or slug')
    .action(
      toAction(cli, async (session, _, [tenant = '']) => {
        const shown = await withOperator(session, (operator) =>
          operator.call('getTenant', { params: { tenant }, query: undefined, body: undefined }),
        );
        session.output.result(shown, (page) => page.fields(tenantFields(shown)));
      }),
    );
}
