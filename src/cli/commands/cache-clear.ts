import { Command } from 'commander';
import { withOperator } from '../connection/connect.ts';
import { toAction, type Cli } from '../session.ts';

export function cacheClearCommand(cli: Cli): Command {
  return new Command('clear')
    .description('forget what is cached for a tenant: everything, or what a pattern matches; sessions stay')
    .argument('<tenant>', 'id or slug')
    .option('--pattern <pattern>', 'such as docs:*')
    .action(
      toAction(cli, async (session, options: { readonly pattern?: string }, [tenant = '']) => {
        const body = options.pattern === undefined ? {} : { pattern: options.pattern };
        const done = await withOperator(session, (operator) =>
          operator.call('clearTenantCache', { params: { tenant }, query: undefined, body }),
        );
        session.output.result(done, (page) =>
          page.paint(
            'good',
            done.removed === null ? 'the cache is empty' : `${done.removed} keys were forgotten`,
          ),
        );
      }),
    );
}
