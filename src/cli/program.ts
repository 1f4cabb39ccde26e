import { Command, CommanderError, Option } from 'commander';
import { createTree } from './commands/tree.ts';
import { CliFailure } from './failure.ts';
import type { Cli } from './session.ts';
import { readVersion } from './version.ts';

/** The whole tree of commands, ready to parse a line. */
export async function createProgram(cli: Cli): Promise<Command> {
  const program = new Command('bulkhead');
  program
    .description('Keeps the tenants of an AI product apart, and proves that it does.')
    .version(await readVersion(), '-V, --version', 'print the version')
    // Options after a command are the command's: `prove --url` names a database and not a server.
    .enablePositionalOptions()
    .addHelpText('after', '\nExit codes and the JSON each command prints: docs/reference/cli.md');
  for (const command of createTree(cli, () => program)) program.addCommand(command);
  harden(program, cli);
  return program;
}

const globalOptions = [
  ['--json', 'print JSON: the result on stdout, errors on stderr'],
  ['--verbose', 'say more about how it is done'],
  ['--url <url>', 'server to talk to (BULKHEAD_URL)'],
  ['--token <token>', 'operator token (BULKHEAD_OPERATOR_TOKEN, or operator-token in the data folder)'],
  ['--data-dir <folder>', 'data folder (BULKHEAD_DATA_DIR; default .bulkhead)'],
] as const;

/** On the program and on each command, so that they may stand before it or after it. */
function addGlobalOptions(command: Command): void {
  for (const [flags, description] of globalOptions) {
    const option = new Option(flags, description);
    if (!command.options.some(({ long }) => long === option.long)) command.addOption(option);
  }
}

/** What is wrong with a line is thrown, so that `main` reports it like every other error. */
function harden(command: Command, cli: Cli): void {
  if (command.parent === null || command.commands.length === 0) addGlobalOptions(command);
  command
    .exitOverride((error) => {
      throw error.exitCode === 0 ? error : toUsageFailure(error, command);
    })
    .configureOutput({
      writeOut: (text) => cli.streams.stdout.write(text),
      // Help that nobody asked for: shown to a person who left out the command, and kept from a program.
      writeErr: (text) => cli.format === 'human' && cli.streams.stderr.write(text),
      outputError: () => {},
    })
    .allowExcessArguments(false)
    .showSuggestionAfterError(true);
  for (const child of command.commands) harden(child, cli);
}

const SUGGESTION = /\n\((Did you mean .*\?)\)$/s;

function toUsageFailure(error: CommanderError, command: Command): CliFailure {
  const help = `see: ${pathOf(command)} --help`;
  if (error.code === 'commander.help')
    return new CliFailure('usage_invalid', { reason: 'a command is missing', hint: help });
  const suggestion = SUGGESTION.exec(error.message)?.[1];
  return new CliFailure('usage_invalid', {
    reason: error.message.replace(SUGGESTION, '').replace(/^error: /, ''),
    hint: suggestion === undefined ? help : `${suggestion} ${help}`,
  });
}

/** `bulkhead tenant create` */
export function pathOf(command: Command): string {
  const names: string[] = [];
  for (let each: Command | null = command; each !== null; each = each.parent) names.unshift(each.name());
  return names.join(' ');
}
