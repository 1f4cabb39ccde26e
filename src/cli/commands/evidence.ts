import { Command, InvalidArgumentError } from 'commander';
import { toAction, type Cli } from '../session.ts';

export interface MakeOptions {
  readonly out: string;
  readonly nonce?: string;
  readonly tenant?: string;
  readonly against?: string;
  readonly underLoad?: true;
}

export interface CheckingOptions {
  readonly key?: string;
  readonly nonce?: string;
  readonly maxAge: number;
}

export interface ReportOptions extends CheckingOptions {
  readonly out: string;
}

export function evidenceMakeCommand(cli: Cli): Command {
  return new Command('make')
    .description('verify, plant faults, and write what came of it as a signed file')
    .option('--out <file>', 'where to write it', 'evidence.json')
    .option(
      '--nonce <text>',
      'of whoever asks; it stands in the file, so that no older one can be shown instead',
    )
    .option('--tenant <tenant>', 'one of two tenants of your own, which are left as they were')
    .option('--against <tenant>', 'the other of the two')
    .option('--under-load', 'load, move and migrate throw-away tenants meanwhile')
    .action(
      toAction<MakeOptions>(cli, async (session, options) => {
        const { makeEvidence } = await import('../evidence/make.ts');
        return await makeEvidence(session, options);
      }),
    );
}

const defaultDays = 30;

function checking(command: Command): Command {
  return command
    .argument('<file>', 'signed evidence')
    .option('--key <file>', 'public key of whoever is believed; default the one of the data folder')
    .option('--nonce <text>', 'what it must have been asked with')
    .option('--max-age <days>', 'how old it may be', parseDays, defaultDays);
}

export function evidenceVerifyCommand(cli: Cli): Command {
  return checking(new Command('verify'))
    .description('check a file offline: whose it is, whether it was altered, how old it is, and what it says')
    .addHelpText(
      'after',
      '\nNeeds the file and the public key, and neither database nor network.\nEnds with 0 when it is genuine, fresh and everything held, 1 when not, 2 when it says inconclusive.',
    )
    .action(
      toAction(cli, async (session, options, [file = '']) => {
        const { verifyEvidence } = await import('../evidence/check.ts');
        return await verifyEvidence(session, file, options as CheckingOptions);
      }),
    );
}

export function evidenceReportCommand(cli: Cli): Command {
  return checking(new Command('report'))
    .description(
      'write a checked file as a report that a security team can read: one HTML file, for printing too',
    )
    .option('--out <file>', 'where to write it', 'evidence.html')
    .action(
      toAction(cli, async (session, options, [file = '']) => {
        const { reportEvidence } = await import('../evidence/check.ts');
        return await reportEvidence(session, file, options as ReportOptions);
      }),
    );
}

export function evidenceKeyCommand(cli: Cli): Command {
  return new Command('key')
    .description('print the public key that evidence is signed with; made on first use')
    .action(
      toAction(cli, async (session) => {
        const { showKey } = await import('../evidence/make.ts');
        await showKey(session);
      }),
    );
}

function parseDays(raw: string): number {
  const days = Number(raw);
  if (!Number.isFinite(days) || days <= 0) throw new InvalidArgumentError('give a number of days');
  return days;
}
