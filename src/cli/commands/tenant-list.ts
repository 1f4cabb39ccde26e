import { Command, Option } from 'commander';
import { tenantStates, type TenantState } from '../../core/tenant.ts';
import type { TenantView } from '../../client/schemas/tenants.ts';
import { withOperator } from '../connection/connect.ts';
import { toAction, type Cli } from '../session.ts';
import { tenantTable } from '../views/tenant.ts';

interface Options {
  readonly state?: TenantState;
  readonly limit: string;
  readonly cursor?: string;
  readonly all?: true;
}

export function tenantListCommand(cli: Cli): Command {
  return new Command('list')
    .description('list tenants, oldest first')
    .addOption(new Option('--state <state>', 'only those in this state').choices(tenantStates))
    .option('--limit <number>', 'at most so many', '50')
    .option('--cursor <cursor>', 'go on where the page before ended')
    .addOption(new Option('--all', 'every tenant, page after page').conflicts('cursor'))
    .action(
      toAction<Options>(cli, async (session, options) => {
        const { items, nextCursor } = await withOperator(session, async (operator) => {
          const found: TenantView[] = [];
          let cursor = options.cursor;
          do {
            const query = {
              limit: options.all === true ? 200 : options.limit,
              ...(options.state === undefined ? {} : { state: options.state }),
              ...(cursor === undefined ? {} : { cursor }),
            };
            const page = await operator.call('listTenants', { params: {}, query, body: undefined });
            found.push(...page.items);
            cursor = page.nextCursor ?? undefined;
          } while (options.all === true && cursor !== undefined);
          return { items: found, nextCursor: cursor ?? null };
        });
        session.output.result({ items, nextCursor }, (page) =>
          items.length === 0
            ? 'no tenants; make one with: bulkhead tenant create SLUG'
            : tenantTable(page, items),
        );
        if (nextCursor !== null) session.output.note(`there are more: --cursor ${nextCursor}, or --all`);
      }),
    );
}
