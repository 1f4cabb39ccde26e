import { readFile } from 'node:fs/promises';
import { Command, Option } from 'commander';
import { withOperator } from '../connection/connect.ts';
import { CliFailure } from '../failure.ts';
import { toAction, type Cli } from '../session.ts';

interface Options {
  readonly urlFile: string;
  readonly role: 'pool' | 'dedicated';
  readonly region?: string;
  readonly maxConnections: string;
}

export function serverAddCommand(cli: Cli): Command {
  return new Command('add')
    .description('make a database server known, for dedicated tenants or as one more pool')
    .argument('<name>', 'what to call it: a-z, 0-9 and hyphens')
    .requiredOption('--url-file <file>', 'file with its postgres:// URL, of an owner; - reads standard input')
    .addOption(
      new Option('--role <role>', 'dedicated takes exactly one tenant')
        .choices(['dedicated', 'pool'])
        .default('dedicated'),
    )
    .option('--region <region>', 'where it is')
    .option('--max-connections <number>', 'connections it may be given', '100')
    .addHelpText(
      'after',
      '\nThe URL holds a password, so it comes from a file and not from the command line.',
    )
    .action(
      toAction<Options>(cli, async (session, options, [name = '']) => {
        const url = (await readText(options.urlFile)).trim();
        const { role, region, maxConnections } = options;
        const body = { name, url, role, maxConnections: Number(maxConnections), ...(region && { region }) };
        const added = await withOperator(session, (operator) =>
          operator.call('addServer', { params: {}, query: undefined, body }),
        );
        session.output.result(added, (page) =>
          page.paint('good', `${added.name} is known as a ${added.role} server`),
        );
      }),
    );
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file === '-' ? '/dev/stdin' : file, 'utf8');
  } catch (cause) {
    const hint = 'write the URL into a file that only you can read, and name it with --url-file';
    throw new CliFailure('file_unreadable', { reason: file, hint }, { cause });
  }
}
