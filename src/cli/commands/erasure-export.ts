import { Command } from 'commander';
import type { LedgerEntry } from '../../client/schemas/leaving.ts';
import { withOperator } from '../connection/connect.ts';
import { toAction, type Cli } from '../session.ts';

const pageSize = 200;

export function erasureExportCommand(cli: Cli): Command {
  return new Command('export')
    .description('write the ledger of erasures to standard output, a signed entry a line')
    .addHelpText(
      'after',
      '\nKeep it where your backups are not: after a restore it says who must stay erased.',
    )
    .action(
      toAction(cli, async (session) => {
        const items = await withOperator(session, async (operator) => {
          const all: LedgerEntry[] = [];
          for (let cursor: string | undefined; ;) {
            const query = { limit: pageSize, ...(cursor === undefined ? {} : { cursor }) };
            const page = await operator.call('listErasures', { params: {}, query, body: undefined });
            all.push(...page.items);
            if (page.nextCursor === null) return all;
            cursor = page.nextCursor;
          }
        });
        session.output.result({ items }, () => items.map((entry) => JSON.stringify(entry)).join('\n'));
      }),
    );
}
