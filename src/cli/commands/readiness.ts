import { Command } from 'commander';
import { withOperator } from '../connection/connect.ts';
import { toAction, type Cli } from '../session.ts';
import { drawReadiness } from '../verify/draw-readiness.ts';

export function readinessCommand(cli: Cli): Command {
  return new Command('readiness')
    .description(
      'is it ready for tenants: security, capacity, cost, performance, the security checklist, key metrics',
    )
    .addHelpText(
      'after',
      '\nEvery line is looked at now: throw-away tenants attack each other, databases are proved, statements are timed.\nWhat does not exist yet is said to be so. Ends with 1 when a check fails.',
    )
    .action(
      toAction(cli, async (session) => {
        session.output.note('looking …');
        const found = await withOperator(session, (operator) =>
          operator.call('getReadiness', { params: {}, query: undefined, body: undefined }),
        );
        session.output.result(found, (page) => drawReadiness(page, found));
        return found.ready ? 'ok' : 'failed';
      }),
    );
}
