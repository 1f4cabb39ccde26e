import { Command } from 'commander';
import { withNode } from '../connection/node.ts';
import { toAction, type Cli } from '../session.ts';

const operator = { kind: 'operator', id: 'operator' } as const;

export function tenantTemplateCommand(cli: Cli): Command {
  return new Command('template')
    .description('make a template of what a tenant has, for new tenants to begin with')
    .argument('<tenant>', 'id or slug of the model')
    .argument('<name>', 'what the template is called: up to 40 of a-z, 0-9 and hyphens')
    .action(
      toAction(cli, async (session, _, [tenant = '', name = '']) => {
        const { findTenant } = await import('../../server/handlers/find-tenant.ts');
        const records = await withNode(session, async ({ registry, lifecycle }) => {
          const { id } = await findTenant(registry.tenants, tenant);
          return await lifecycle.saveTemplate(id, name, operator);
        });
        session.output.result({ template: name, records }, (page) =>
          page.paint(
            'good',
            `template ${name}: ${records} records; bulkhead tenant create SLUG --template ${name}`,
          ),
        );
      }),
    );
}
