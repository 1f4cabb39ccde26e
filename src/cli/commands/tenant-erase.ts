import { setTimeout } from 'node:timers/promises';
import { Command } from 'commander';
import { withOperator } from '../connection/connect.ts';
import type { Operator } from '../connection/operator.ts';
import { toAction, type Cli } from '../session.ts';
import { drawErasure, type ShownErasure } from '../views/erasure.ts';

interface Options {
  readonly confirm: string;
}

export function tenantEraseCommand(cli: Cli): Command {
  return new Command('erase')
    .description('erase a tenant now, in every store, whatever of its retention is left')
    .argument('<tenant>', 'id or slug')
    .requiredOption('--confirm <slug>', 'the slug of the tenant, typed again: nothing brings it back')
    .addHelpText(
      'after',
      '\nPrints the receipt. Ends with 3 while a store does not answer; nodes go on with it until it is complete.',
    )
    .action(
      toAction<Options>(cli, async (session, { confirm }, [tenant = '']) => {
        const erased = await withOperator(session, async (operator) => {
          const begun = await operator.call('eraseTenant', {
            params: { tenant },
            query: undefined,
            body: { confirm },
          });
          return await watch(operator, tenant, begun);
        });
        session.output.result(erased, (page) => drawErasure(page, erased));
        if (erased.phase === 'complete') return 'ok';
        return erased.phase === 'partial' ? 'unreachable' : 'failed';
      }),
    );
}

const lookEveryMs = 300;

/** Until it has ended, or has done all that it can for now. */
async function watch(operator: Operator, tenant: string, begun: ShownErasure): Promise<ShownErasure> {
  for (let now = begun; ;) {
    if (now.phase !== 'erasing') return now;
    await setTimeout(lookEveryMs);
    now = await operator.call('getErasure', { params: { tenant }, query: undefined, body: undefined });
  }
}
