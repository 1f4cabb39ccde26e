import { toUsd } from '../../core/money.ts';
import { toCsv } from '../csv.ts';
import type { Invoice, InvoiceLine } from './invoice.ts';

/** One line a row; ids of the line, by which its events are found, stand beside the amounts. */
export function toInvoiceCsv(invoice: Invoice): string {
  return toCsv(
    [
      'invoice',
      'tenant',
      'month',
      'kind',
      'description',
      'meter',
      'model',
      'rate',
      'quantity',
      'unit',
      'unit_usd',
      'amount_usd',
      'events',
    ],
    invoice.lines.map((line) => [
      invoice.number,
      invoice.tenant.id,
      invoice.month,
      line.kind,
      line.description,
      line.meter,
      line.model,
      line.rate,
      line.quantity.toString(),
      line.unit,
      line.unitUsd,
      line.amountNanoUsd === undefined ? undefined : toUsd(line.amountNanoUsd),
      line.events.toString(),
    ]),
  );
}

/** A page that needs nothing from anywhere, and prints on A4 or Letter. */
export function toInvoiceHtml(invoice: Invoice): string {
  const { number, tenant, month, timeZone, state, lines } = invoice;
  const title = `${state === 'draft' ? 'Draft of invoice' : 'Invoice'} ${number}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escape(title)}</title>
<style>
@page { margin: 18mm }
:root { color-scheme: light }
body { font: 14px/1.5 system-ui, sans-serif; color: #1b1f24; background: #fff; max-width: 860px; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem; margin: 0 0 .25rem }
p { margin: .1rem 0; color: #57606a }
table { width: 100%; border-collapse: collapse; margin: 1.5rem 0; font-variant-numeric: tabular-nums }
thead { display: table-header-group }
tr { break-inside: avoid }
th, td { text-align: left; padding: .4rem .5rem; border-bottom: 1px solid #d8dee4; vertical-align: top }
th { font-size: .75rem; text-transform: uppercase; letter-spacing: .04em; color: #57606a }
.n { text-align: right; white-space: nowrap }
small { color: #57606a; display: block; overflow-wrap: anywhere }
tfoot td { border: 0; font-weight: 600; font-size: 1.1rem }
.flag { color: #b3261e }
</style>
</head>
<body>
<h1>${escape(title)}</h1>
<p>${escape(tenant.name)} (${escape(tenant.slug)}, ${tenant.id})</p>
<p>${month}, by the calendar of ${escape(timeZone)}. Amounts in US dollars.</p>
<table>
<thead><tr><th>What</th><th class="n">Quantity</th><th class="n">Per unit</th><th class="n">Amount</th></tr></thead>
<tbody>
${lines.map(toRow).join('\n')}
</tbody>
<tfoot><tr><td colspan="3">Amount due<small>exactly ${toUsd(invoice.totalNanoUsd)}</small></td><td class="n">${toDollars(invoice.dueCents)}</td></tr></tfoot>
</table>
<p>Every line is the sum of single events, which are listed under its meter, model and month.</p>
${state === 'draft' ? '<p class="flag">A draft: the month is not over, or a price is missing.</p>' : ''}
</body>
</html>
`;
}

function toRow(line: InvoiceLine): string {
  const key = [line.meter, line.model, line.rate].filter((part) => part !== '').join(' · ');
  const origin = line.kind === 'plan' ? '' : `<small>${escape(key)}; ${line.events} events</small>`;
  return `<tr><td>${escape(line.description)}${origin}</td><td class="n">${line.quantity} ${escape(line.unit)}</td><td class="n">${line.unitUsd ?? ''}</td><td class="n">${toAmount(line)}</td></tr>`;
}

function toAmount({ kind, amountNanoUsd }: InvoiceLine): string {
  if (kind === 'included') return 'included';
  return amountNanoUsd === undefined ? '<span class="flag">no price</span>' : toUsd(amountNanoUsd);
}

/** `12.34` */
export function toDollars(cents: bigint): string {
  const text = (cents < 0n ? -cents : cents).toString().padStart(3, '0');
  return `${cents < 0n ? '-' : ''}${text.slice(0, -2)}.${text.slice(-2)}`;
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escape(text: string): string {
  return text.replaceAll(/[&<>"']/g, (sign) => entities[sign] ?? sign);
}
