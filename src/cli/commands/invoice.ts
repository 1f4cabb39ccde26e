import { Command, Option } from 'commander';
import { withOperator } from '../connection/connect.ts';
import { toAction, type Cli } from '../session.ts';

interface Options {
  readonly month?: string;
  readonly format?: 'html' | 'csv';
}

export function invoiceCommand(cli: Cli): Command {
  return new Command('invoice')
    .description('a tenant’s invoice for a month')
    .argument('<tenant>', 'id or slug')
    .option('--month <month>', 'such as 2026-11; default this one')
    .addOption(new Option('--format <format>', 'print a page that prints, or CSV').choices(['html', 'csv']))
    .action(
      toAction<Options>(cli, async (session, { month, format }, [tenant = '']) => {
        const query = { format: format ?? ('json' as const), ...(month === undefined ? {} : { month }) };
        const invoice = await withOperator(session, (operator) =>
          operator.call('getInvoice', { params: { tenant }, query, body: undefined }),
        );
        if (typeof invoice === 'string') {
          session.output.print(invoice);
          return;
        }
        session.output.result(invoice, (page) => {
          const table = page.table(
            [
              { title: 'what', shrink: 'when_narrow' },
              { title: 'quantity', align: 'right' },
              { title: 'unit' },
              { title: 'per unit', align: 'right' },
              { title: 'usd', align: 'right' },
            ],
            invoice.lines.map((line) => [
              line.description,
              line.quantity,
              line.unit,
              line.unitUsd ?? '',
              line.kind === 'included' ? 'included' : (line.amountUsd ?? 'no price'),
            ]),
          );
          return `${table}\n${invoice.state === 'draft' ? 'draft of invoice' : 'invoice'} ${invoice.number}: ${invoice.dueUsd} USD due (exactly ${invoice.totalUsd})`;
        });
      }),
    );
}
