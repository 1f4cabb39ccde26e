import { Command } from 'commander';
import { withOperator } from '../connection/connect.ts';
import { toAction, type Cli } from '../session.ts';

export function orphanListCommand(cli: Cli): Command {
  return new Command('list')
    .description('compare what the stores hold with what the registry says, both ways')
    .addHelpText(
      'after',
      '\nChanges nothing, and reads every shared table. Ends with 1 when something is found.',
    )
    .action(
      toAction(cli, async (session) => {
        const found = await withOperator(session, (operator) =>
          operator.call('listOrphans', { params: {}, query: undefined, body: undefined }),
        );
        const { orphans, missing, notSeen } = found;
        session.output.result(found, (page) =>
          [
            ...(orphans.length === 0
              ? []
              : [
                  page.table(
                    [
                      { title: 'kind' },
                      { title: 'store' },
                      { title: 'name' },
                      { title: 'holds', shrink: 'when_narrow' },
                    ],
                    orphans.map(({ kind, compartment, name, holds }) => [
                      kind,
                      compartment,
                      name,
                      holds.join(', '),
                    ]),
                  ),
                ]),
            ...missing.map(({ compartment, container, tenant }) =>
              page.paint('bad', `${container} of ${compartment} is missing; ${tenant} should be there`),
            ),
            ...notSeen.map(({ place, reason }) => page.paint('warn', `${place} was not seen: ${reason}`)),
            `${orphans.length} orphans, ${missing.length} missing`,
          ].join('\n'),
        );
        if (notSeen.length > 0) return 'unreachable';
        return orphans.length + missing.length === 0 ? 'ok' : 'failed';
      }),
    );
}
