import { Command } from 'commander';
import { withOperator } from '../connection/connect.ts';
import { toAction, type Cli } from '../session.ts';
import { moveFields } from '../views/move.ts';

export function tenantMoveConfirmCommand(cli: Cli): Command {
  return endOfMove(cli, 'move-confirm', {
    call: 'confirmMove',
    description: 'end a move for good: what is left at the place before is erased',
  });
}

export function tenantMoveRollbackCommand(cli: Cli): Command {
  return endOfMove(cli, 'move-rollback', {
    call: 'rollBackMove',
    description: 'take an unconfirmed move back, with all that was written since',
  });
}

function endOfMove(
  cli: Cli,
  name: string,
  end: { readonly call: 'confirmMove' | 'rollBackMove'; readonly description: string },
): Command {
  return new Command(name)
    .description(end.description)
    .argument('<tenant>', 'id or slug')
    .action(
      toAction(cli, async (session, _, [tenant = '']) => {
        const ended = await withOperator(session, (operator) =>
          operator.call(end.call, { params: { tenant }, query: undefined, body: undefined }),
        );
        session.output.result(ended, (page) => page.fields(moveFields(ended)));
      }),
    );
}
