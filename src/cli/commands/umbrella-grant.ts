import { Command } from 'commander';
import { withOperator } from '../connection/connect.ts';
import { toAction, type Cli } from '../session.ts';
import { parseExpiry } from '../text/expiry.ts';
import { grantFields } from '../views/grant.ts';

interface Options {
  readonly child?: string;
  readonly expires?: string;
}

export function umbrellaGrantCommand(cli: Cli): Command {
  return new Command('grant')
    .description('let a tenant read one below it, or all; read only')
    .argument('<tenant>', 'id or slug of the tenant that shall read')
    .option('--child <tenant>', 'id or slug of the one that is read; default: all below, those of later too')
    .option('--expires <when>', 'such as 12h, 90d or 2027-01-31T00:00:00Z; default: in 30 days', parseExpiry)
    .action(
      toAction<Options>(cli, async (session, { child, expires }, [tenant = '']) => {
        const body = {
          ...(child === undefined ? {} : { child }),
          ...(expires === undefined ? {} : { expiresAt: expires }),
        };
        const grant = await withOperator(session, (operator) =>
          operator.call('createGrant', { params: { tenant }, query: undefined, body }),
        );
        session.output.result(grant, (page) => page.fields(grantFields(grant, Date.now())));
      }),
    );
}
