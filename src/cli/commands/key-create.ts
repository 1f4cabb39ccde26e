import { Command } from 'commander';
import { withOperator } from '../connection/connect.ts';
import { toAction, type Cli } from '../session.ts';
import { parseExpiry } from '../text/expiry.ts';
import { issuedKey } from '../views/key.ts';

interface Options {
  readonly name: string;
  readonly expires?: string;
}

export function keyCreateCommand(cli: Cli): Command {
  return new Command('create')
    .description('issue an API key; it is shown this once')
    .argument('<tenant>', 'id or slug')
    .requiredOption('--name <name>', 'what it is for')
    .option('--expires <when>', 'such as 24h, 90d or 2027-01-31T00:00:00Z; default: never', parseExpiry)
    .action(
      toAction<Options>(cli, async (session, { name, expires }, [tenant = '']) => {
        const body = { name, ...(expires === undefined ? {} : { expiresAt: expires }) };
        const issued = await withOperator(session, (operator) =>
          operator.call('issueKey', { params: { tenant }, query: undefined, body }),
        );
        session.output.result(issued, (page) => issuedKey(page, issued));
      }),
    );
}
