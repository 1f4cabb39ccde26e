import type { TenantId } from '../../core/ids.ts';
import { parseUsd, type NanoUsd } from '../../core/money.ts';
import type { Plan } from '../../core/plan.ts';
import type { Meter } from '../meters.ts';
import type { Month } from '../month.ts';
import type { PriceTable } from '../prices/price-table.ts';
import { saleOf, type Sale } from '../prices/sale.ts';
import { toUnitUsd } from '../prices/unit-price.ts';
import type { UsageLine } from '../usage-reads.ts';

export interface InvoiceLine {
  readonly kind: 'plan' | Sale['kind'];
  readonly description: string;
  /** With month, meter and model one finds the events that the line is the sum of; '' on the line of the plan. */
  readonly meter: string;
  readonly model: string;
  readonly rate: string;
  readonly quantity: bigint;
  readonly unit: string;
  /** Dollars for one unit; undefined where it is not sold by the unit. */
  readonly unitUsd: string | undefined;
  /** undefined = the price is not known yet. */
  readonly amountNanoUsd: NanoUsd | undefined;
  readonly events: number;
}

export interface Invoice {
  /** The same for the same tenant and month. */
  readonly number: string;
  readonly tenant: { readonly id: TenantId; readonly slug: string; readonly name: string };
  readonly month: Month;
  readonly timeZone: string;
  readonly currency: 'USD';
  readonly lines: readonly InvoiceLine[];
  /** Exact. */
  readonly totalNanoUsd: NanoUsd;
  /** The total to the cent, half away from zero: rounded once, at the very end. */
  readonly dueCents: bigint;
  /** A draft has lines without a price, or a month that is not over. */
  readonly state: 'draft' | 'final';
  /** Version of the list of sale prices; undefined = usage is included in the plan. */
  readonly priceVersion: number | undefined;
}

export interface InvoiceInput {
  readonly tenant: Invoice['tenant'];
  readonly plan: Plan;
  readonly month: Month;
  readonly timeZone: string;
  readonly isOver: boolean;
  readonly lines: readonly UsageLine[];
  readonly meters: ReadonlyMap<string, Meter>;
  readonly sale: PriceTable | undefined;
}

const nanoPerCent = 10_000_000n;

export function toInvoice(input: InvoiceInput): Invoice {
  const { tenant, plan, month, timeZone, isOver, sale } = input;
  const lines = [toPlanLine(plan), ...input.lines.map((line) => toUsageLine(line, input))];
  const total = lines.reduce((sum, { amountNanoUsd = 0n }) => sum + amountNanoUsd, 0n);
  const isComplete = lines.every(({ amountNanoUsd }) => amountNanoUsd !== undefined);
  return {
    number: `${month}-${tenant.slug}`,
    tenant,
    month,
    timeZone,
    currency: 'USD',
    lines,
    totalNanoUsd: total,
    dueCents: toCents(total),
    state: isOver && isComplete ? 'final' : 'draft',
    priceVersion: sale?.version.version,
  };
}

function toPlanLine(plan: Plan): InvoiceLine {
  return {
    kind: 'plan',
    description: `Plan ${plan.name}`,
    meter: '',
    model: '',
    rate: '',
    quantity: 1n,
    unit: 'month',
    unitUsd: plan.priceUsd,
    amountNanoUsd: parseUsd(plan.priceUsd) ?? 0n,
    events: 0,
  };
}

function toUsageLine(line: UsageLine, { meters, sale }: InvoiceInput): InvoiceLine {
  const { meter, model, rate, amount, events } = line;
  const { kind, usdPerUnit, amountNanoUsd } = saleOf(line, sale);
  const described = meters.get(meter)?.description.replace(/\.$/, '') ?? '';
  const name = described === '' ? meter : described;
  const about = [model, rate].filter((part) => part !== '' && part !== 'standard').join(', ');
  return {
    kind,
    description: about === '' ? name : `${name} (${about})`,
    meter,
    model,
    rate,
    quantity: amount,
    unit: meters.get(meter)?.unit ?? 'unit',
    unitUsd: usdPerUnit === undefined ? undefined : toUnitUsd(usdPerUnit),
    amountNanoUsd,
    events,
  };
}

function toCents(amount: NanoUsd): bigint {
  const magnitude = amount < 0n ? -amount : amount;
  const cents = (magnitude + nanoPerCent / 2n) / nanoPerCent;
  return amount < 0n ? -cents : cents;
}
