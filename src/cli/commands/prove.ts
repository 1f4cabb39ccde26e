import { readFile, writeFile } from 'node:fs/promises';
import { Command } from 'commander';
import { CliFailure } from '../failure.ts';
import type { Exit } from '../exit.ts';
import { toAction, type Cli, type Session } from '../session.ts';
import { collect } from './collect.ts';

interface Options {
  readonly url?: string;
  readonly role: string;
  readonly tenantColumn: string;
  readonly context?: string;
  readonly global?: readonly string[];
  readonly schema?: readonly string[];
  readonly baseline?: string;
  readonly sarif?: string;
  readonly diff?: string;
}

const exits = { 0: 'ok', 1: 'failed', 2: 'usage' } as const satisfies Record<0 | 1 | 2, Exit>;

export function proveCommand(cli: Cli): Command {
  return new Command('prove')
    .description('prove from the catalogue of any PostgreSQL database that a login stays inside its tenant')
    .option('--url <url>', 'postgres:// URL of the database; default BULKHEAD_DATABASE_URL')
    .requiredOption('--role <role>', 'login that serves tenants')
    .option('--tenant-column <name>', 'column that says whose a row is', 'tenant_id')
    .option(
      '--context <expression>',
      'SQL that says which tenant a statement is for; default: what the policies use',
    )
    .option('--global <table>', 'table that holds no tenant’s rows, schema.table; may be repeated', collect)
    .option('--schema <schema>', 'look at these schemas only; may be repeated', collect)
    .option('--baseline <file>', 'findings that were accepted, with a reason and an end')
    .option('--sarif <file>', 'write the findings there as SARIF, for code scanning')
    .option('--diff <file>', 'compare with an earlier result, as --json printed it')
    .addHelpText(
      'after',
      '\nReads the catalogue in one read-only transaction and changes nothing. Any login may run it.\nEnds with 0 when the wall holds, 1 when it is broken, 2 when nothing can be said.',
    )
    .action(toAction<Options>(cli, prove));
}

async function prove(session: Session, options: Options): Promise<Exit> {
  const url = options.url ?? session.env['BULKHEAD_DATABASE_URL'] ?? '';
  if (!/^postgres(?:ql)?:\/\//.test(url))
    throw new CliFailure('usage_invalid', {
      reason: 'no database is named',
      hint: 'pass --url postgres://user@host/database, or set BULKHEAD_DATABASE_URL',
    });
  const [{ openDatabase }, { runProve }] = await Promise.all([
    import('../../compose.ts'),
    import('../../verify/proof/command.ts'),
  ]);
  const { role, tenantColumn, context, global, schema, baseline, sarif, diff } = options;
  const code = await runProve(
    {
      url,
      role,
      tenantColumn,
      context,
      ...(global === undefined ? {} : { globalTables: global }),
      schemas: schema,
      baselineFile: baseline,
      sarifFile: sarif,
      diffFile: diff,
      output: session.output.format === 'json' ? 'json' : 'text',
    },
    {
      connect: openDatabase,
      readFile: readText,
      writeFile: (path, text) => writeFile(path, text),
      print: (text) => session.output.print(text),
    },
  );
  return exits[code];
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new CliFailure(
      'file_unreadable',
      { reason: path, hint: 'check its name and that you may read it' },
      { cause },
    );
  }
}
