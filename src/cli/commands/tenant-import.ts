import { createReadStream } from 'node:fs';
import { access } from 'node:fs/promises';
import { Command } from 'commander';
import { masks, type Masking } from '../../lifecycle/archives.ts';
import { withOperator } from '../connection/connect.ts';
import { CliFailure } from '../failure.ts';
import { readJson, readPassphrase } from '../passphrase.ts';
import { toAction, type Cli } from '../session.ts';
import { tenantFields } from '../views/tenant.ts';
import { watchOperation } from '../views/watch.ts';
import { collect } from './collect.ts';
import { addNewTenantOptions, toNewTenant, type NewTenantOptions } from './new-tenant-options.ts';

interface Options extends NewTenantOptions {
  readonly slug?: string;
  readonly passphraseFile?: string;
  readonly trust?: readonly string[];
  readonly mask?: string;
  readonly acceptErased?: true;
}

export function tenantImportCommand(cli: Cli): Command {
  const command = new Command('import')
    .description('make a new tenant of an archive; it is read wholly before anything is written')
    .argument('<file>', 'the archive')
    .option('--slug <slug>', 'default: as it was, where it was never used here');
  return addNewTenantOptions(command)
    .option('--passphrase-file <file>', 'open it with the first line of this file')
    .option('--trust <key>', 'public key of another installation; may be repeated', collect)
    .option('--mask <file>', 'mask values by the rules of this JSON file')
    .option('--accept-erased', 'take the archive of a tenant that was erased here')
    .action(
      toAction<Options>(cli, async (session, options, [path = '']) => {
        await access(path).catch((cause: unknown) => {
          throw new CliFailure(
            'file_unreadable',
            { reason: path, hint: 'name an archive you may read' },
            { cause },
          );
        });
        const passphrase = await readPassphrase(options.passphraseFile);
        const masking = options.mask === undefined ? undefined : toMasking(await readJson(options.mask));
        const tenant = await withOperator(session, async (operator) => {
          const archive = await operator.sendArchive(createReadStream(path) as AsyncIterable<Uint8Array>);
          const body = {
            archive,
            ...toNewTenant(options),
            ...(options.slug === undefined ? {} : { slug: options.slug }),
            ...(passphrase === undefined ? {} : { passphrase }),
            ...(options.trust === undefined ? {} : { trust: [...options.trust] }),
            ...(masking === undefined ? {} : { masking }),
            ...(options.acceptErased === true ? { erased: 'accept' as const } : {}),
          };
          const made = await operator.call('importTenant', { params: {}, query: undefined, body });
          await watchOperation(session, operator, { operation: made.operation, title: 'import' });
          const params = { tenant: made.tenant.id };
          return await operator.call('getTenant', { params, query: undefined, body: undefined });
        });
        session.output.result(tenant, (page) => page.fields(tenantFields(tenant)));
      }),
    );
}

/** What is wrong with the rules is said by whoever applies them. */
export function toMasking(raw: unknown): Masking {
  const isRules =
    typeof raw === 'object' &&
    raw !== null &&
    Object.values(raw).every((mask) => masks.some((known) => known === mask));
  if (isRules) return raw as Masking;
  throw new CliFailure('file_unreadable', {
    reason: 'these are no rules for masking',
    hint: `write them as {"users.email": "email"}; masks are ${masks.join(', ')}`,
  });
}
