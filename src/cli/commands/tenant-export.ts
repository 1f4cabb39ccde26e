import { open } from 'node:fs/promises';
import { Command } from 'commander';
import { withOperator } from '../connection/connect.ts';
import { toAction, type Cli } from '../session.ts';
import { readPassphrase } from '../passphrase.ts';
import { watchOperation } from '../views/watch.ts';

interface Options {
  readonly out?: string;
  readonly passphraseFile?: string;
}

export function tenantExportCommand(cli: Cli): Command {
  return new Command('export')
    .description('write a tenant into an archive, as it is at one instant')
    .argument('<tenant>', 'id or slug')
    .option('--out <file>', 'where to; default <tenant>.bulkhead, and never over a file that is there')
    .option('--passphrase-file <file>', 'seal it with the first line of this file')
    .action(
      toAction<Options>(cli, async (session, options, [tenant = '']) => {
        const passphrase = await readPassphrase(options.passphraseFile);
        const path = options.out ?? `${tenant}.bulkhead`;
        const shown = await withOperator(session, async (operator) => {
          const body = passphrase === undefined ? {} : { passphrase };
          const begun = await operator.call('exportTenant', { params: { tenant }, query: undefined, body });
          const { operation } = begun;
          await watchOperation(session, operator, { operation, title: 'export' });
          await writeNew(path, await operator.receiveArchive(operation));
          return await operator.call('getExport', {
            params: { export: operation },
            query: undefined,
            body: undefined,
          });
        });
        session.output.result({ ...shown, file: path }, (page) =>
          page.fields([
            ['file', path],
            ['records', String(shown.records)],
            ['bytes', String(shown.sizeBytes)],
            ...shown.sets.map(({ set, count }): [string, string] => [set, String(count)]),
          ]),
        );
      }),
    );
}

async function writeNew(path: string, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    for await (const chunk of bytes) await file.writeFile(chunk);
    await file.sync();
  } finally {
    await file.close();
  }
}
