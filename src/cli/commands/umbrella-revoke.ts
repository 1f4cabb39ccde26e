import { Command } from 'commander';
import { withOperator } from '../connection/connect.ts';
import { toAction, type Cli } from '../session.ts';
import { grantFields } from '../views/grant.ts';

export function umbrellaRevokeCommand(cli: Cli): Command {
  return new Command('revoke')
    .description('end a grant, within a second, in scopes that are open too')
    .argument('<tenant>', 'id or slug of the tenant that reads')
    .argument('<grant>', 'id of the grant')
    .action(
      toAction(cli, async (session, _, [tenant = '', grant = '']) => {
        const revoked = await withOperator(session, (operator) =>
          operator.call('revokeGrant', { params: { tenant, grant }, query: undefined, body: undefined }),
        );
        session.output.result(revoked, (page) => page.fields(grantFields(revoked, Date.now())));
      }),
    );
}
