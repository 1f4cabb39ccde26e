import { Command } from 'commander';
import { withOperator } from '../connection/connect.ts';
import { toAction, type Cli } from '../session.ts';
import { placeTable } from '../views/erasure.ts';

interface Options {
  readonly confirm: string;
}

export function orphanRemoveCommand(cli: Cli): Command {
  return new Command('remove')
    .description('remove what belongs to no living tenant')
    .argument('<name>', 'as `bulkhead orphan list` shows it')
    .requiredOption('--confirm <name>', 'the name again: what is there is lost')
    .action(
      toAction<Options>(cli, async (session, { confirm }, [name = '']) => {
        const removed = await withOperator(session, (operator) =>
          operator.call('removeOrphan', { params: {}, query: undefined, body: { name, confirm } }),
        );
        session.output.result(removed, (page) => placeTable(page, [removed]));
        return removed.after === 0 ? 'ok' : 'failed';
      }),
    );
}
