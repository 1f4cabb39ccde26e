import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import type { LedgerEntry, ReplayView } from '../../client/schemas/leaving.ts';
import { withOperator } from '../connection/connect.ts';
import { CliFailure } from '../failure.ts';
import { toAction, type Cli } from '../session.ts';

const entriesAtOnce = 1_000;

export function erasureImportCommand(cli: Cli): Command {
  return new Command('import')
    .description('take up an exported ledger, and erase again who came back with a backup')
    .argument('<file>', 'what `bulkhead erasure export` wrote; - reads standard input')
    .action(
      toAction(cli, async (session, _, [file = '']) => {
        const entries = await readEntries(file);
        const replays = await withOperator(session, async (operator) => {
          const all: ReplayView[] = [];
          for (let start = 0; start < entries.length; start += entriesAtOnce) {
            const body = { entries: entries.slice(start, start + entriesAtOnce) };
            all.push(await operator.call('importErasures', { params: {}, query: undefined, body }));
          }
          return all;
        });
        const result: ReplayView = {
          adopted: replays.reduce((sum, { adopted }) => sum + adopted, 0),
          erasedAgain: replays.flatMap(({ erasedAgain }) => erasedAgain),
          stillThere: [...new Set(replays.at(-1)?.stillThere)],
        };
        session.output.result(result, ({ paint }) =>
          [
            `${result.adopted} of ${entries.length} entries were new, ${result.erasedAgain.length} tenants erased again`,
            ...result.stillThere.map((tenant) => paint('bad', `${tenant} is still there`)),
          ].join('\n'),
        );
        return result.stillThere.length === 0 ? 'ok' : 'failed';
      }),
    );
}

/** Lines, or the document that `--json` prints. What is in them the server checks. */
async function readEntries(file: string): Promise<LedgerEntry[]> {
  try {
    const text = await readFile(file === '-' ? '/dev/stdin' : file, 'utf8');
    const lines = text.split('\n').filter((line) => line.trim() !== '');
    const parsed: unknown[] = lines.every((line) => /^\{.*\}$/.test(line.trim()))
      ? lines.map((line) => JSON.parse(line) as unknown)
      : (JSON.parse(text) as { items: unknown[] }).items;
    return parsed as LedgerEntry[];
  } catch (cause) {
    const hint = 'give a file that `bulkhead erasure export` wrote';
    throw new CliFailure('file_unreadable', { reason: file, hint }, { cause });
  }
}
