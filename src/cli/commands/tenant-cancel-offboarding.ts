import { Command } from 'commander';
import { withOperator } from '../connection/connect.ts';
import { toAction, type Cli } from '../session.ts';

export function tenantCancelOffboardingCommand(cli: Cli): Command {
  return new Command('cancel-offboarding')
    .description('keep a tenant that was leaving: it ends suspended, and its keys stay revoked')
    .argument('<tenant>', 'id or slug')
    .action(
      toAction(cli, async (session, _, [tenant = '']) => {
        const kept = await withOperator(session, (operator) =>
          operator.call('cancelOffboarding', { params: { tenant }, query: undefined, body: undefined }),
        );
        session.output.result(kept, (page) =>
          [
            page.paint('good', `${kept.slug} is ${kept.state}, with all its data`),
            `let it in again with: bulkhead tenant resume ${kept.slug}, and make it a key: bulkhead key create ${kept.slug} --name NAME`,
          ].join('\n'),
        );
      }),
    );
}
