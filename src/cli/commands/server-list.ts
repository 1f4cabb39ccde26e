import { Command } from 'commander';
import { withOperator } from '../connection/connect.ts';
import { toAction, type Cli } from '../session.ts';

export function serverListCommand(cli: Cli): Command {
  return new Command('list').description('list the database servers that tenants are placed on').action(
    toAction(cli, async (session) => {
      const { items } = await withOperator(session, (operator) =>
        operator.call('listServers', { params: {}, query: undefined, body: undefined }),
      );
      session.output.result({ items }, (page) =>
        page.table(
          [
            { title: 'name' },
            { title: 'role' },
            { title: 'region' },
            { title: 'max connections', align: 'right' },
          ],
          items.map(({ name, role, region, maxConnections }) => [
            name,
            role,
            region ?? '-',
            maxConnections.toString(),
          ]),
        ),
      );
    }),
  );
}
