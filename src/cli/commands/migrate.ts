import { Command, InvalidArgumentError, Option } from 'commander';
import { toAction, type Cli } from '../session.ts';
import { collect } from './collect.ts';

export interface MigrateOptions {
  readonly dryRun?: true;
  readonly to?: string;
  readonly tenant?: readonly string[];
  readonly canary?: number;
  readonly pauseAfterCanary?: true;
  readonly shared?: 'first' | 'last';
  readonly abortAfter?: number | `${number}%`;
  readonly workers?: number;
  readonly retry?: string;
  readonly resume?: string;
  readonly cancel?: string;
}

export function migrateCommand(cli: Cli): Command {
  return new Command('migrate')
    .description('bring every container up to date: our tables and those of BULKHEAD_MIGRATIONS_DIR')
    .option('--dry-run', 'list what would be done; change nothing')
    .option('--to <version>', 'as app/3; default: everything to its end')
    .option('--tenant <tenant>', 'only tenants named, with containers of their own; may be repeated', collect)
    .option('--canary <number>', 'so many containers go first, one at a time', parseCount)
    .option('--pause-after-canary', 'stop when the canaries are through; --resume goes on')
    .addOption(
      new Option('--shared <when>', 'containers of many tenants before or behind the others').choices([
        'first',
        'last',
      ]),
    )
    .option(
      '--abort-after <failures>',
      'pause when more have failed: a number or a share such as 5%',
      parseShare,
    )
    .option('--workers <number>', 'containers at a time', parseCount)
    .addOption(new Option('--retry <run>', 'only the containers that failed in this run').conflicts('tenant'))
    .addOption(new Option('--resume <run>', 'go on with a run that paused').conflicts(['dryRun', 'retry']))
    .addOption(
      new Option('--cancel <run>', 'end a run after the containers it is busy with').conflicts([
        'dryRun',
        'retry',
        'resume',
      ]),
    )
    .addHelpText(
      'after',
      '\nA container that fails is left as it was and the others go on. Ctrl-C ends the run after those it is busy with.',
    )
    .action(
      toAction<MigrateOptions>(cli, async (session, options) => {
        const { migrate } = await import('../migrate/migrate.ts');
        return await migrate(session, options);
      }),
    );
}

function parseCount(raw: string): number {
  const count = Number(raw);
  if (!Number.isInteger(count) || count < 1) throw new InvalidArgumentError('give a whole number from 1');
  return count;
}

const SHARE = /^(\d{1,3})(%?)$/;

function parseShare(raw: string): number | `${number}%` {
  const [, amount, percent] = SHARE.exec(raw) ?? [];
  if (amount === undefined || (percent === '%' && Number(amount) > 100))
    throw new InvalidArgumentError('give a number such as 3, or a share such as 5%');
  return percent === '%' ? `${Number(amount)}%` : Number(amount);
}
