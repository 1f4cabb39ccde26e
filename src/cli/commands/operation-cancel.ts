import { Command } from 'commander';
import { withOperator } from '../connection/connect.ts';
import { toAction, type Cli } from '../session.ts';
import { operationFields } from '../views/operation.ts';

export function operationCancelCommand(cli: Cli): Command {
  return new Command('cancel')
    .description('ask a long piece of work to stop where it still can')
    .argument('<operation>', 'its id')
    .action(
      toAction(cli, async (session, _, [operation = '']) => {
        const shown = await withOperator(session, (operator) =>
          operator.call('cancelOperation', { params: { operation }, query: undefined, body: undefined }),
        );
        session.output.result(shown, (page) => page.fields(operationFields(shown)));
      }),
    );
}
