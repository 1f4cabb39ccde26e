import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { withOperator } from '../connection/connect.ts';
import { toAction, type Cli } from '../session.ts';

interface Options {
  readonly file?: string;
}

export function tenantSecretCommand(cli: Cli): Command {
  return new Command('secret')
    .description('keep the key of a model of the tenant, read from a file or from standard input')
    .argument('<tenant>', 'id or slug')
    .argument('<secret>', 'models.embedding or models.chat')
    .option('--file <file>', 'file that holds the key; default: standard input')
    .action(
      toAction<Options>(cli, async (session, { file }, [tenant = '', secret = '']) => {
        // Never an argument: those can be seen by other users of the machine.
        const value = (await readFile(file ?? '/dev/stdin', 'utf8')).trim();
        await withOperator(session, (operator) =>
          operator.call('putSecret', { params: { tenant, secret }, query: undefined, body: { value } }),
        );
        session.output.result({ stored: secret }, (page) => page.paint('good', `${secret} is stored`));
      }),
    );
}
