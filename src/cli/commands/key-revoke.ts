import { Command } from 'commander';
import { withOperator } from '../connection/connect.ts';
import { toAction, type Cli } from '../session.ts';

export function keyRevokeCommand(cli: Cli): Command {
  return new Command('revoke')
    .description('end a key, on every node within a second')
    .argument('<tenant>', 'id or slug')
    .argument('<key>', 'id of the key, as key list shows it')
    .action(
      toAction(cli, async (session, _, [tenant = '', key = '']) => {
        const revoked = await withOperator(session, (operator) =>
          operator.call('revokeKey', { params: { tenant, key }, query: undefined, body: undefined }),
        );
        session.output.result(revoked, (page) =>
          page.paint('good', `${revoked.id} (${revoked.name}) is revoked`),
        );
      }),
    );
}
