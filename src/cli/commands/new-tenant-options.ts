import { Option, type Command } from 'commander';
import { isolations, type Isolation } from '../../core/placement.ts';

/** Of commands that make a tenant in the likeness of another. */
export interface NewTenantOptions {
  readonly name?: string;
  readonly plan?: string;
  readonly isolation?: Isolation;
  readonly region?: string;
  readonly server?: string;
}

export function addNewTenantOptions(command: Command): Command {
  return command
    .option('--name <name>', 'default: as it was')
    .option('--plan <plan>', 'default: as it was')
    .addOption(new Option('--isolation <isolation>', 'default: as it was').choices(isolations))
    .option('--region <region>', 'default: as it was')
    .option('--server <name>', 'a server by name, for dedicated');
}

/** Only what was given. */
export function toNewTenant({ name, plan, isolation, region, server }: NewTenantOptions): NewTenantOptions {
  const given = Object.entries({ name, plan, isolation, region, server }).filter(
    ([, value]) => value !== undefined,
  );
  return Object.fromEntries(given);
}
