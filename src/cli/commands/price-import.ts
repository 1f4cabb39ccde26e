import { readFile } from 'node:fs/promises';
import { Command, Option } from 'commander';
import type { PriceImportBody } from '../../client/schemas/billing.ts';
import { withOperator } from '../connection/connect.ts';
import { CliFailure } from '../failure.ts';
import { toAction, type Cli } from '../session.ts';

interface Options {
  readonly list: 'cost' | 'sale';
  readonly name?: string;
  readonly from?: string;
  readonly until?: string;
}

export function priceImportCommand(cli: Cli): Command {
  return new Command('import')
    .description('add a version of a price list from a file')
    .argument('<file>', 'JSON: a list of prices, or LiteLLM’s list of models')
    .addOption(
      new Option('--list <list>', 'what providers charge, or what tenants are charged')
        .choices(['cost', 'sale'])
        .default('cost'),
    )
    .option('--name <text>', 'what it is called; default the file')
    .option('--from <time>', 'when it begins to hold, in RFC 3339; default now')
    .option('--until <time>', 'when it ends, where no other follows')
    .action(
      toAction<Options>(cli, async (session, { list, name, from, until }, [file = '']) => {
        const content = await readJson(file);
        const body: PriceImportBody = {
          list,
          name: name ?? file,
          source: file,
          validFrom: from ?? new Date().toISOString(),
          ...(until === undefined ? {} : { validUntil: until }),
          // What is in it is judged where it is imported, by the same rules as over HTTP.
          ...(Array.isArray(content)
            ? { prices: content as NonNullable<PriceImportBody['prices']> }
            : { litellm: content as NonNullable<PriceImportBody['litellm']> }),
        };
        const added = await withOperator(session, (operator) =>
          operator.call('importPrices', { params: {}, query: undefined, body }),
        );
        session.output.result(
          added,
          () =>
            `version ${added.version} of the ${added.list} list: ${added.prices} prices from ${added.validFrom}`,
        );
        if (added.ignored.length > 0)
          session.output.note(`${added.ignored.length} fields have no meter; --json lists them`);
      }),
    );
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as unknown;
  } catch (cause) {
    const reason = cause instanceof SyntaxError ? 'it is not JSON' : (cause as Error).message;
    throw new CliFailure(
      'file_unreadable',
      { reason: `${file}: ${reason}`, hint: 'name a JSON file of prices' },
      { cause },
    );
  }
}
