import { Command, InvalidArgumentError, Option } from 'commander';
import type { Operation } from '../../registry/registry.ts';
import { withNode } from '../connection/node.ts';
import { toAction, type Cli } from '../session.ts';
import { operationTable } from '../views/operation.ts';

interface Options {
  readonly tenant?: string;
  readonly state?: Operation['state'];
  readonly limit: number;
}

const states: readonly Operation['state'][] = ['running', 'done', 'failed', 'rolled_back', 'cancelled'];

export function operationListCommand(cli: Cli): Command {
  return new Command('list')
    .description('list long pieces of work, the latest first')
    .option('--tenant <tenant>', 'only of this tenant, by id or slug')
    .addOption(new Option('--state <state>', 'only those in this state').choices(states))
    .option('--limit <number>', 'at most so many', parseLimit, 50)
    .action(
      toAction<Options>(cli, async (session, { tenant, state, limit }) => {
        const [{ findTenant }, { toOperationView }] = await Promise.all([
          import('../../server/handlers/find-tenant.ts'),
          import('../../server/views.ts'),
        ]);
        const items = await withNode(session, async ({ registry }) => {
          const of = tenant === undefined ? undefined : await findTenant(registry.tenants, tenant);
          const found = await registry.operations.list({
            limit,
            ...(of === undefined ? {} : { tenant: of.id }),
            ...(state === undefined ? {} : { state }),
          });
          return found.map(toOperationView);
        });
        session.output.result({ items }, (page) =>
          items.length === 0 ? 'no operations' : operationTable(page, items),
        );
      }),
    );
}

function parseLimit(raw: string): number {
  const limit = Number(raw);
  if (!Number.isInteger(limit) || limit < 1 || limit > 1_000)
    throw new InvalidArgumentError('give a number from 1 to 1000');
  return limit;
}
