import { Command } from 'commander';
import { toAction, type Cli } from '../session.ts';

export interface VerifyCommandOptions {
  readonly tenant?: string;
  readonly against?: string;
  readonly sample?: number;
  readonly mutations?: true;
  readonly underLoad?: true;
}

export function verifyCommand(cli: Cli): Command {
  return new Command('verify')
    .description(
      'attack the installation from one tenant to the next, prove its databases, and say what held',
    )
    .option('--tenant <tenant>', 'one of two tenants of your own, which are left as they were')
    .option('--against <tenant>', 'the other of the two')
    .option(
      '--sample <number>',
      'how many of the tenants that are there are attacked too; default 20',
      toNumber,
    )
    .option(
      '--mutations',
      'plant faults in our own code and in a copy of the schema, and print how many are noticed',
    )
    .option('--under-load', 'load, move and migrate throw-away tenants meanwhile')
    .addHelpText(
      'after',
      '\nBy default throw-away tenants of every isolation attack each other and are removed.\nEnds with 0 when everything held, 1 on a leak or when nothing was tried, 2 when it is inconclusive.',
    )
    .action(
      toAction<VerifyCommandOptions>(cli, async (session, options) => {
        const { verify } = await import('../verify/verify.ts');
        return await verify(session, options);
      }),
    );
}

function toNumber(raw: string): number {
  return Number(raw);
}
