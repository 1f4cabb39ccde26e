import { Command, Option } from 'commander';
import { isolations, type Isolation } from '../../core/placement.ts';
import { withOperator } from '../connection/connect.ts';
import { toAction, type Cli } from '../session.ts';
import { toDuration } from '../text/when.ts';
import { tenantFields } from '../views/tenant.ts';
import { collect } from './collect.ts';

interface Options {
  readonly name?: string;
  readonly plan?: string;
  readonly isolation?: Isolation;
  readonly region?: string;
  readonly parent?: string;
  readonly server?: string;
  readonly template?: string;
  readonly feature?: readonly string[];
}

export function tenantCreateCommand(cli: Cli): Command {
  return new Command('create')
    .description('create a tenant and everything it needs; when it fails, nothing is left')
    .argument('<slug>', 'its name in URLs: 3 to 48 of a-z, 0-9 and single inner hyphens')
    .option('--name <name>', 'its name for people; default: the slug')
    .option('--plan <plan>', 'id or alias of a plan; default: free')
    .addOption(new Option('--isolation <isolation>', "default: the plan's").choices(isolations))
    .option('--region <region>', 'where its data must stay')
    .option('--parent <tenant>', 'id or slug of the tenant it belongs to')
    .option('--server <name>', 'dedicated server to take; default: any free one')
    .option('--template <name>', 'data to begin with')
    .option('--feature <name>', 'a feature on top of the plan’s; may be repeated', collect)
    .action(
      toAction<Options>(cli, async (session, options, [slug = '']) => {
        const { name = slug, plan, isolation, region, parent, server, template, feature } = options;
        const place = { plan, isolation, region, parent, server };
        const body = { slug, name, ...place, template, features: feature?.slice() };
        const created = await withOperator(session, (operator) =>
          operator.call('createTenant', { params: {}, query: undefined, body }),
        );
        session.output.result(created, (page) =>
          [
            page.paint('good', `created ${created.slug} in ${toDuration(created.readyInMs)}`),
            page.fields(tenantFields(created)),
            page.paint('dim', `next: bulkhead key create ${created.slug} --name NAME`),
          ].join('\n'),
        );
      }),
    );
}
