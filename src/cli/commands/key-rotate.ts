import { Command, InvalidArgumentError } from 'commander';
import { withOperator } from '../connection/connect.ts';
import { toAction, type Cli } from '../session.ts';
import { parseDuration, toDuration } from '../text/when.ts';
import { issuedKey } from '../views/key.ts';

interface Options {
  readonly overlap: number;
}

export function keyRotateCommand(cli: Cli): Command {
  return new Command('rotate')
    .description('issue a successor; both keys work until the overlap ends')
    .argument('<tenant>', 'id or slug')
    .argument('<key>', 'id of the key, as key list shows it')
    .option(
      '--overlap <time>',
      'how long the old key goes on working, such as 15m, 24h or 0s',
      parseOverlap,
      3_600,
    )
    .action(
      toAction<Options>(cli, async (session, { overlap }, [tenant = '', key = '']) => {
        const issued = await withOperator(session, (operator) =>
          operator.call('rotateKey', {
            params: { tenant, key },
            query: undefined,
            body: { overlapSeconds: overlap },
          }),
        );
        session.output.result(issued, (page) => issuedKey(page, issued));
        session.output.note(`the old key ${key} works for another ${toDuration(overlap * 1_000)}`);
      }),
    );
}

function parseOverlap(raw: string): number {
  const seconds = parseDuration(raw);
  if (seconds === undefined) throw new InvalidArgumentError('give a time such as 15m, 24h or 0s');
  return seconds;
}
