import { Command, InvalidArgumentError, Option } from 'commander';
import { phases, type Phase } from '../../fleet/adopt/plan.ts';
import { toAction, type Cli } from '../session.ts';
import { collect } from './collect.ts';

export interface AdoptCommandOptions {
  readonly url?: string;
  readonly schema: string;
  readonly shared?: readonly string[];
  readonly tenant?: string;
  readonly role?: string;
  readonly run?: true;
  readonly until: Phase;
  readonly undo?: true;
  readonly batch: number;
  readonly rest: number;
}

export function adoptCommand(cli: Cli): Command {
  return new Command('adopt')
    .description('take the PostgreSQL database of one customer to many; without --run it only says how')
    .option('--url <url>', 'postgres:// URL of the database, as its owner; default BULKHEAD_DATABASE_URL')
    .option('--schema <schema>', 'schema to adopt', 'public')
    .option('--shared <table>', 'table with the same rows for all tenants; may be repeated', collect)
    .option('--tenant <id>', 'who owns the rows that are there; default a new id')
    .option('--role <name>', 'login that will serve tenants; default a new one')
    .addOption(new Option('--run', 'do it, or go on with it').conflicts('undo'))
    .addOption(
      new Option('--until <phase>', 'last phase to do; only cut-over has no way back')
        .choices(phases)
        .default('wall'),
    )
    .option('--undo', 'take everything back; possible until the cut-over begins')
    .option('--batch <rows>', 'rows that are written at a time', parseCount, 5_000)
    .option('--rest <ms>', 'rest between two batches, in milliseconds', parseCount, 20)
    .addHelpText(
      'after',
      '\nPhases: column, backfill, not-null, keys, wall, cut-over. See docs/guide/adopting.md',
    )
    .action(
      toAction<AdoptCommandOptions>(cli, async (session, options) => {
        const { adopt } = await import('../adopt/adopt.ts');
        return await adopt(session, options);
      }),
    );
}

function parseCount(raw: string): number {
  const count = Number(raw);
  if (!Number.isInteger(count) || count < 0) throw new InvalidArgumentError('give a whole number');
  return count;
}
