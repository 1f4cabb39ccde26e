import { Command } from 'commander';
import { withOperator } from '../connection/connect.ts';
import { toAction, type Cli } from '../session.ts';
import { drawHunt } from '../views/erasure.ts';

export function tenantHuntCommand(cli: Cli): Command {
  return new Command('hunt')
    .description('look for a tenant in every store, the registry and the data folder; changes nothing')
    .argument('<tenant>', 'id or slug, of one that is gone too')
    .addHelpText('after', '\nOf a tenant that is gone it ends with 1 when something is found.')
    .action(
      toAction(cli, async (session, _, [tenant = '']) => {
        const { traces, state } = await withOperator(session, async (operator) => {
          const input = { params: { tenant }, query: undefined, body: undefined };
          const found = await operator.call('huntTenant', input);
          return { traces: found, state: (await operator.call('getTenant', input)).state };
        });
        session.output.result(traces, (page) => drawHunt(page, traces));
        if (traces.notSeen.length > 0) return 'unreachable';
        return state === 'deleted' && traces.found.length > 0 ? 'failed' : 'ok';
      }),
    );
}
