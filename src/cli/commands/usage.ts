import { Command } from 'commander';
import type { TenantUsageView, UsageListView } from '../../client/schemas/billing.ts';
import { withOperator } from '../connection/connect.ts';
import type { Page } from '../output.ts';
import { toAction, type Cli } from '../session.ts';
import { sparkline } from '../text/sparkline.ts';

interface Options {
  readonly month?: string;
}

export function usageCommand(cli: Cli): Command {
  return new Command('usage')
    .description('what tenants used in a month, and what it cost')
    .argument('[tenant]', 'id or slug; without it every tenant')
    .option('--month <month>', 'such as 2026-11; default this one')
    .action(
      toAction<Options>(cli, async (session, { month }, [tenant]) => {
        const query = month === undefined ? {} : { month };
        if (tenant === undefined) {
          const found = await withOperator(session, (operator) =>
            operator.call('listUsage', { params: {}, query, body: undefined }),
          );
          session.output.result(found, (page) => drawAll(page, found));
          return;
        }
        const found = await withOperator(session, (operator) =>
          operator.call('getTenantUsage', { params: { tenant }, query, body: undefined }),
        );
        session.output.result(found, (page) => drawOne(page, found));
      }),
    );
}

const amountColumns = [
  { title: 'amount', align: 'right' },
  { title: 'unit' },
  { title: 'usd', align: 'right' },
  { title: 'no price', align: 'right' },
] as const;

function drawAll(page: Page, { items, month }: UsageListView): string {
  if (items.length === 0) return `no usage in ${month}`;
  return page.table(
    [{ title: 'tenant' }, { title: 'meter' }, { title: 'model', shrink: 'when_narrow' }, ...amountColumns],
    items.map((line) => [line.tenant, line.meter, line.model, ...toAmounts(line)]),
  );
}

function drawOne(
  page: Page,
  { lines, days, month, timeZone, costUsd, unpricedEvents }: TenantUsageView,
): string {
  if (lines.length === 0) return `no usage in ${month}`;
  const table = page.table(
    [{ title: 'meter' }, { title: 'model', shrink: 'when_narrow' }, ...amountColumns, { title: 'by day' }],
    lines.map((line) => [line.meter, line.model, ...toAmounts(line), drawDays(days, month, line.meter)]),
  );
  const flagged = unpricedEvents === 0 ? '' : `; ${unpricedEvents} events have no known price`;
  return `${table}\n${costUsd} USD in ${month}, by the calendar of ${timeZone}${flagged}`;
}

function toAmounts(line: TenantUsageView['lines'][number]): readonly string[] {
  const flagged = line.unpricedEvents === 0 ? '' : line.unpricedEvents.toString();
  return [line.amount, line.unit, line.costUsd, flagged];
}

function drawDays(days: TenantUsageView['days'], month: string, meter: string): string {
  const own = new Map(
    days.filter((each) => each.meter === meter).map(({ day, amount }) => [day, BigInt(amount)]),
  );
  const last =
    [...own.keys()]
      .filter((day) => day.startsWith(month))
      .toSorted()
      .at(-1)
      ?.slice(8) ?? '0';
  return sparkline(
    Array.from(
      { length: Number(last) },
      (_, index) => own.get(`${month}-${String(index + 1).padStart(2, '0')}`) ?? 0n,
    ),
  );
}
