import { Command, InvalidArgumentError } from 'commander';
import { toAction, type Cli } from '../session.ts';

interface Options {
  readonly tenants: number;
  readonly keep?: true;
}

const most = 20;
const least = 4;

export function demoCommand(cli: Cli): Command {
  return new Command('demo')
    .description('see it work and be attacked: real text, four isolations, the wrong way beside ours')
    .option(
      '--tenants <number>',
      `how many tenants of the example data, ${least} to ${most}`,
      parseTenants,
      most,
    )
    .option('--keep', 'leave the tenants in place afterwards')
    .addHelpText(
      'after',
      '\nRuns on an embedded database in a temporary folder, which is removed at the end. With --data-dir it runs there\nand leaves everything in place; with BULKHEAD_DATABASE_URL it runs there and removes its tenants.',
    )
    .action(
      toAction<Options>(cli, async (session, options) => {
        const { demo } = await import('../demo/demo.ts');
        return await demo(session, {
          tenants: options.tenants,
          after: options.keep === true ? 'keep' : 'remove',
        });
      }),
    );
}

function parseTenants(raw: string): number {
  const number = Number(raw);
  if (!Number.isInteger(number) || number < least || number > most)
    throw new InvalidArgumentError(`give a number from ${least} to ${most}`);
  return number;
}
