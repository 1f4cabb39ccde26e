import { z } from 'zod';
import { isolations } from '../../core/placement.ts';
import { pageOf, pageQuery, timestamp } from './common.ts';

const usd = z.string().describe('US dollars, exact.');
const amount = z.string().describe('A whole number, in the unit of the meter.');
export const monthText = z
  .string()
  .regex(/^\d{4}-(?:0[1-9]|1[0-2])$/, 'a month such as 2026-11')
  .describe('A calendar month of a year, such as `2026-11`, in the time zone of each tenant.');
const optionalMonth = monthText.optional().describe('Default: the month that it is now, by UTC.');
const meterName = z
  .string()
  .max(64)
  .regex(/^[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)*$/);

export const UsageLineView = z.object({
  tenant: z.uuid(),
  meter: z.string(),
  unit: z.string(),
  model: z.string().describe('Empty where the meter knows none.'),
  rate: z.string().describe('Which price of the model applied; empty where the meter only counts.'),
  events: z.int(),
  amount,
  costUsd: usd.describe('US dollars, exact, of the events that have a price.'),
  unpricedEvents: z
    .int()
    .describe('Events whose price nobody knew. The cost is not final while there are any.'),
  unpricedAmount: amount,
});
export type UsageLineView = z.output<typeof UsageLineView>;

export const UsageQuery = z.strictObject({ month: optionalMonth });
export const UsageListView = z.object({ month: monthText, items: z.array(UsageLineView) });
export type UsageListView = z.output<typeof UsageListView>;

export const TenantUsageView = z.object({
  month: monthText,
  timeZone: z.string().describe('The month begins and ends by it.'),
  costUsd: usd,
  unpricedEvents: z.int(),
  lines: z.array(UsageLineView),
  days: z
    .array(z.object({ day: z.iso.date(), meter: z.string(), amount, costUsd: usd }))
    .describe('By day of UTC, for drawing.'),
});
export type TenantUsageView = z.output<typeof TenantUsageView>;

export const UsageEventQuery = z.strictObject({
  ...pageQuery,
  month: optionalMonth,
  meter: z.string().max(64).optional(),
  model: z.string().max(200).optional(),
});
export const UsageEventView = z.object({
  id: z.uuid(),
  at: timestamp,
  meter: z.string(),
  amount: amount.describe('Negative in a correction.'),
  model: z.string(),
  rate: z.string(),
  costUsd: usd.nullable().describe('Null: no price was known.'),
  priceVersion: z.int().nullable(),
  actor: z.string().describe('Kind and id of who used it.'),
  requestId: z.string().nullable(),
  callId: z.string().nullable().describe('What belongs together, such as the tokens of one call of a model.'),
  corrects: z.uuid().nullable().describe('The event that this one takes back.'),
});
export const UsageEventPageView = pageOf(UsageEventView);
export type UsageEventPageView = z.output<typeof UsageEventPageView>;

export const CorrectionView = z.object({ correction: z.uuid().describe('Id of the negative event.') });

export const CloudEvents = z
  .unknown()
  .describe(
    'One CloudEvents 1.0 event in JSON, or a list of up to 10,000. `type` is `bulkhead.usage`; `time` is needed; `subject` names the tenant; `data` has `meter`, `amount`, and perhaps `model`, `tier`, `requestId`.',
  );
export const IngestReceiptView = z.object({
  accepted: z
    .int()
    .describe('Recorded for good. Those that were sent before are among them, and counted once.'),
  quarantined: z.array(
    z.object({ index: z.int().describe('In the batch.'), id: z.uuid(), reason: z.string() }),
  ),
});
export type IngestReceiptView = z.output<typeof IngestReceiptView>;

export const QuarantineQuery = z.strictObject(pageQuery);
export const QuarantineView = pageOf(
  z.object({
    id: z.uuid(),
    tenant: z.uuid().nullable(),
    reason: z.string(),
    times: z.int().describe('How often it was sent.'),
    at: timestamp,
    event: z.unknown().describe('As it was sent.'),
  }),
);

export const MeterView = z.object({
  meter: z.string(),
  unit: z.string(),
  kind: z.enum(['priced', 'counted']).describe('`counted` has no cost of its own.'),
  reporter: z
    .enum(['node', 'operator', 'tenant'])
    .describe('The least that may report it: this program, the operator, or a tenant with its own key.'),
  description: z.string(),
});
export const MeterListView = z.object({ items: z.array(MeterView) });
export const MeterBody = z.strictObject({
  unit: z.string().regex(/^[a-z][a-z0-9_]{0,31}$/),
  kind: z.enum(['priced', 'counted']),
  reporter: z.enum(['operator', 'tenant']).default('operator'),
  description: z.string().max(500).default(''),
});

export const ProfileBody = z.strictObject({
  timeZone: z
    .string()
    .max(64)
    .describe('An IANA name, such as `Europe/Berlin`. The months are counted anew.'),
});
export const ProfileView = z.object({ timeZone: z.string() });

export const PriceVersionView = z.object({
  version: z.int(),
  list: z
    .enum(['cost', 'sale'])
    .describe('`cost` is what providers charge; `sale` what tenants are charged.'),
  name: z.string(),
  source: z.string(),
  validFrom: timestamp,
  validUntil: timestamp.nullable(),
});
export type PriceVersionView = z.output<typeof PriceVersionView>;
export const PriceVersionListView = z.object({ items: z.array(PriceVersionView) });

const priceFields = {
  meter: meterName,
  model: z.string().max(200),
  rate: z.string().max(64),
};
export const PriceView = z.object({
  ...priceFields,
  usdPerUnit: z.string().describe('US dollars for one unit, exact.'),
});
export const PriceDetailView = PriceVersionView.extend({ prices: z.array(PriceView) });
export type PriceDetailView = z.output<typeof PriceDetailView>;

export const PriceImportBody = z
  .strictObject({
    list: z.enum(['cost', 'sale']).default('cost'),
    name: z.string().min(1).max(200),
    source: z.string().max(500).default(''),
    validFrom: z.iso.datetime({ offset: true }),
    validUntil: z.iso.datetime({ offset: true }).optional(),
    prices: z
      .array(
        z.strictObject({
          meter: meterName,
          model: z.string().max(200).default(''),
          rate: z.string().min(1).max(64).default('standard'),
          usdPerUnit: z.string().max(40).describe('Up to 21 decimal places.'),
        }),
      )
      .max(20_000)
      .optional(),
    litellm: z
      .record(z.string(), z.unknown())
      .optional()
      .describe('Or prices in the format of LiteLLM’s list of models.'),
  })
  .refine(
    ({ prices, litellm }) => (prices === undefined) !== (litellm === undefined),
    'give either prices or litellm',
  );
export type PriceImportBody = z.input<typeof PriceImportBody>;
export const PriceImportView = PriceVersionView.extend({
  prices: z.int().describe('How many.'),
  ignored: z.array(z.string()).describe('Fields of the list that there is no meter for.'),
});

export const RerateQuery = z.strictObject({
  month: optionalMonth,
  tenant: z.string().max(64).optional().describe('Id or slug; default all.'),
});
export const RerateView = z.object({
  month: monthText,
  version: z.int(),
  beforeUsd: usd,
  afterUsd: usd,
  differenceUsd: usd,
  unpricedEvents: z.int(),
  items: z.array(
    z.object({
      tenant: z.uuid(),
      meter: z.string(),
      model: z.string(),
      events: z.int(),
      amount,
      beforeUsd: usd,
      afterUsd: usd,
      differenceUsd: usd,
      unpricedEvents: z.int().describe('Events that this version has no price for; they are in neither sum.'),
    }),
  ),
});
export const SettleBody = z.strictObject({ month: monthText, tenant: z.string().max(64).optional() });
export const SettleView = z.object({ settled: z.int().describe('Events that have a price now.') });

export const FixedCostBody = z.strictObject({
  name: z.string().min(1).max(100),
  firstMonth: monthText,
  lastMonth: monthText.optional(),
  monthUsd: z.string().max(32).describe('US dollars a month, such as `50` or `34.5`.'),
});
export const FixedCostView = z.object({
  name: z.string(),
  firstMonth: monthText,
  lastMonth: monthText.nullable(),
  monthUsd: usd,
});
export const FixedCostListView = z.object({ items: z.array(FixedCostView) });

const basis = z
  .enum(['proportional', 'even', 'usage', 'storage', 'weighted', 'fixed'])
  .default('proportional')
  .describe('How fixed cost is divided: by what usage cost, evenly, by an amount, by storage, or as given.');
const rule = {
  month: optionalMonth,
  basis,
  meter: z.string().max(64).optional().describe('For `usage`; default `requests`.'),
  idlePercent: z.coerce
    .number()
    .min(0)
    .max(100)
    .default(0)
    .describe('Per cent of fixed cost that is capacity nobody used.'),
  weights: z
    .string()
    .max(20_000)
    .optional()
    .describe('For `weighted` and `fixed`: `slug:30,slug:70`; whole weights, or dollars.'),
};

const tenantCost = {
  variableUsd: usd,
  fixedUsd: usd,
  totalUsd: usd,
  priceUsd: usd.describe('What the tenant pays.'),
  marginUsd: usd.describe('Price − (variable + fixed).'),
  queries: z.string(),
  unpricedEvents: z.int(),
};
export const TenantCostView = z.object({
  tenant: z.uuid(),
  slug: z.string(),
  plan: z.string(),
  ...tenantCost,
});
export type TenantCostView = z.output<typeof TenantCostView>;
export const CostQuery = z.strictObject({
  ...rule,
  format: z.enum(['json', 'csv', 'focus']).default('json').describe('`focus`: FOCUS 1.2 as CSV.'),
});
export const CostReportView = z.union([
  z.object({
    month: monthText,
    basis: z.string(),
    variableUsd: usd,
    fixedUsd: usd,
    idleUsd: usd.describe('Of the fixed cost, what no tenant bears.'),
    totalUsd: usd.describe('Totals of the tenants and the idle line sum to it.'),
    tenants: z.array(TenantCostView),
    lossMakers: z
      .array(z.string())
      .describe('Slugs of tenants that cost more than they pay, the worst first.'),
  }),
  z.string(),
]);

export const WhatIfQuery = z.strictObject({
  ...rule,
  plan: z.string().max(64).optional(),
  priceVersion: z.coerce.number().int().optional(),
  isolation: z.enum(isolations).optional(),
});
export const WhatIfView = z.object({
  now: TenantCostView,
  after: TenantCostView,
  marginDifferenceUsd: usd,
  because: z.array(z.string()),
});

export const ReconcileBody = z.strictObject({
  month: monthText,
  lines: z
    .array(
      z.strictObject({
        meter: meterName,
        model: z.string().max(200).default(''),
        amount: z
          .string()
          .regex(/^\d{1,30}$/)
          .optional(),
        usd: z.string().max(32),
      }),
    )
    .max(10_000),
});
export const ReconcileView = z.object({
  month: monthText,
  ledgerUsd: usd,
  invoiceUsd: usd,
  differenceUsd: usd,
  differencePercent: z.number().nullable().describe('Of the invoice.'),
  isWithinTolerance: z.boolean().describe('Within ±5 % of the invoice.'),
  lines: z.array(
    z.object({
      meter: z.string(),
      model: z.string(),
      ledgerUsd: usd,
      invoiceUsd: usd,
      differenceUsd: usd,
      because: z.array(z.string()),
    }),
  ),
});

export const InvoiceQuery = z.strictObject({
  month: optionalMonth,
  format: z.enum(['json', 'html', 'csv']).default('json'),
});
export const InvoiceView = z.union([
  z.object({
    number: z.string(),
    tenant: z.object({ id: z.uuid(), slug: z.string(), name: z.string() }),
    month: monthText,
    timeZone: z.string(),
    currency: z.literal('USD'),
    state: z.enum(['draft', 'final']),
    lines: z.array(
      z.object({
        kind: z.enum(['plan', 'sold', 'included', 'unpriced']),
        description: z.string(),
        meter: z.string(),
        model: z.string(),
        rate: z.string(),
        quantity: z.string(),
        unit: z.string(),
        unitUsd: z.string().nullable(),
        amountUsd: usd.nullable(),
        events: z.int(),
      }),
    ),
    totalUsd: usd,
    dueUsd: z.string().describe('To the cent, rounded once.'),
    priceVersion: z.int().nullable(),
  }),
  z.string(),
]);

export const AdviceQuery = z.strictObject({
  tenants: z.coerce.number().int().min(1).max(10_000_000),
  enterpriseTenants: z.coerce.number().int().min(0).optional(),
  priceUsd: z.coerce.number().min(0).optional().describe('What a usual tenant pays a month.'),
  regimes: z.string().max(200).optional().describe('With commas between: hipaa, fedramp, gdpr, pci, soc2.'),
  regulatedTenants: z.coerce
    .number()
    .int()
    .min(0)
    .optional()
    .describe('Default: all, where there is a regime.'),
  residency: z.enum(['needed', 'not_needed']).optional(),
  ownTables: z.enum(['needed', 'not_needed']).optional(),
  costs: z
    .string()
    .max(2_000)
    .optional()
    .describe('Your own prices: `namespace=10:70,100:380;database=10:150` (tenants:dollars a month).'),
  format: z.enum(['json', 'markdown']).default('json').describe('`markdown`: a decision record.'),
});
export const AdviceView = z.union([
  z.object({
    option: z.string(),
    tiers: z.array(
      z.object({
        who: z.string(),
        tenants: z.int(),
        isolation: z.enum(isolations),
        because: z.array(z.string()),
      }),
    ),
    reasons: z.array(z.string()),
    cautions: z.array(z.string()),
    stores: z.array(
      z.object({
        store: z.string(),
        forms: z.array(z.object({ isolation: z.enum(isolations), form: z.string() })),
      }),
    ),
    costs: z.array(
      z.object({
        way: z.string(),
        tenants: z.int(),
        totalUsd: usd,
        eachUsd: usd,
        publishedRange: z.string(),
      }),
    ),
    tradeOffs: z.array(z.record(z.string(), z.string())),
    scores: z.record(z.string(), z.number()),
  }),
  z.string(),
]);
