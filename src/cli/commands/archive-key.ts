import { Command } from 'commander';
import { withOperator } from '../connection/connect.ts';
import { toAction, type Cli } from '../session.ts';

export function archiveKeyCommand(cli: Cli): Command {
  return new Command('key')
    .description('show the public key that this installation signs archives with')
    .action(
      toAction(cli, async (session) => {
        const shown = await withOperator(session, (operator) =>
          operator.call('getArchiveKey', { params: {}, query: undefined, body: undefined }),
        );
        session.output.result(shown, () => shown.publicKey);
      }),
    );
}
