import { Command } from 'commander';
import { withOperator } from '../connection/connect.ts';
import { readJson } from '../passphrase.ts';
import { toAction, type Cli } from '../session.ts';
import { tenantFields } from '../views/tenant.ts';
import { watchOperation } from '../views/watch.ts';
import { addNewTenantOptions, toNewTenant, type NewTenantOptions } from './new-tenant-options.ts';
import { toMasking } from './tenant-import.ts';

interface Options extends NewTenantOptions {
  readonly mask: string;
}

export function tenantCloneCommand(cli: Cli): Command {
  const command = new Command('clone')
    .description('make a new tenant with the data of another, masked')
    .argument('<tenant>', 'id or slug')
    .argument('<slug>', 'of the new tenant')
    .requiredOption('--mask <file>', 'rules in JSON; every field needs one, but ids and times');
  return addNewTenantOptions(command).action(
    toAction<Options>(cli, async (session, options, [tenant = '', slug = '']) => {
      const body = { slug, ...toNewTenant(options), masking: toMasking(await readJson(options.mask)) };
      const clone = await withOperator(session, async (operator) => {
        const made = await operator.call('cloneTenant', { params: { tenant }, query: undefined, body });
        await watchOperation(session, operator, { operation: made.operation, title: 'clone' });
        const params = { tenant: made.tenant.id };
        return await operator.call('getTenant', { params, query: undefined, body: undefined });
      });
      session.output.result(clone, (page) => page.fields(tenantFields(clone)));
    }),
  );
}
