import { Command } from 'commander';
import { withOperator } from '../connection/connect.ts';
import { toAction, type Cli } from '../session.ts';
import { operationFields } from '../views/operation.ts';

export function operationShowCommand(cli: Cli): Command {
  return new Command('show')
    .description('show how far a long piece of work is')
    .argument('<operation>', 'its id')
    .action(
      toAction(cli, async (session, _, [operation = '']) => {
        const shown = await withOperator(session, (operator) =>
          operator.call('getOperation', { params: { operation }, query: undefined, body: undefined }),
        );
        session.output.result(shown, (page) => page.fields(operationFields(shown)));
      }),
    );
}
