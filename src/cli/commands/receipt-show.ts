import { Command } from 'commander';
import { withOperator } from '../connection/connect.ts';
import { toAction, type Cli } from '../session.ts';
import { drawErasure } from '../views/erasure.ts';

export function receiptShowCommand(cli: Cli): Command {
  return new Command('show')
    .description('show what the erasure of a tenant did, as it was signed')
    .argument('<tenant>', 'id or slug')
    .action(
      toAction(cli, async (session, _, [tenant = '']) => {
        const erasure = await withOperator(session, (operator) =>
          operator.call('getErasure', { params: { tenant }, query: undefined, body: undefined }),
        );
        session.output.result(erasure, (page) => drawErasure(page, erasure));
        return erasure.receipt === null ? 'failed' : 'ok';
      }),
    );
}
