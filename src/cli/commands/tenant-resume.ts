import { Command } from 'commander';
import { withOperator } from '../connection/connect.ts';
import { toAction, type Cli } from '../session.ts';

export function tenantResumeCommand(cli: Cli): Command {
  return new Command('resume')
    .description('let a suspended tenant in again')
    .argument('<tenant>', 'id or slug')
    .action(
      toAction(cli, async (session, _, [tenant = '']) => {
        const changed = await withOperator(session, (operator) =>
          operator.call('resumeTenant', { params: { tenant }, query: undefined, body: undefined }),
        );
        session.output.result(changed, (page) => page.paint('good', `${changed.slug} is ${changed.state}`));
      }),
    );
}
