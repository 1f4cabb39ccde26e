import { Command, InvalidArgumentError } from 'commander';
import { withOperator } from '../connection/connect.ts';
import { toAction, type Cli } from '../session.ts';
import { toMoment } from '../text/when.ts';

interface Options {
  readonly retentionDays?: number;
}

export function tenantOffboardCommand(cli: Cli): Command {
  return new Command('offboard')
    .description('end a tenant’s sessions and keys at once, and erase its data when its retention ends')
    .argument('<tenant>', 'id or slug')
    .option('--retention-days <days>', 'keep the data so long; default its settings, else 30', parseDays)
    .addHelpText('after', '\nUntil then it can be taken back with: bulkhead tenant cancel-offboarding')
    .action(
      toAction<Options>(cli, async (session, { retentionDays }, [tenant = '']) => {
        const body = retentionDays === undefined ? {} : { retentionDays };
        const left = await withOperator(session, (operator) =>
          operator.call('offboardTenant', { params: { tenant }, query: undefined, body }),
        );
        session.output.result(
          left,
          ({ paint }) =>
            `${paint('good', `${left.slug} is ${left.state}`)}; its data is erased after ${toMoment(left.erasesAt)}`,
        );
      }),
    );
}

function parseDays(raw: string): number {
  const days = Number(raw);
  if (!Number.isInteger(days) || days < 1 || days > 3_650)
    throw new InvalidArgumentError('give a whole number of days from 1 to 3650');
  return days;
}
