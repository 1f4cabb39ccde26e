import { z } from 'zod';
import { isolations } from '../core/placement.ts';
import type { Plan } from '../core/plan.ts';
import { parseUsd } from '../core/money.ts';
import { parseRow } from './row-parts.ts';

const PLAN_NAME = /^[a-z][a-z0-9_-]{0,62}$/;
const count = z.int().positive();
const planName = z.string().regex(PLAN_NAME);

/** Also what `plans.put` accepts: a plan that could not be read back is not written. */
export const planShape = z
  .strictObject({
    id: planName,
    name: z.string().min(1).max(200),
    aliases: z.array(planName).max(20),
    isolations: z.array(z.enum(isolations)).min(1),
    defaultIsolation: z.enum(isolations),
    features: z.array(z.string().regex(/^[a-z][a-z0-9_.-]{0,63}$/)).max(200),
    governor: z.strictObject({
      statementTimeoutMs: count,
      lockTimeoutMs: count,
      idleTimeoutMs: count,
      maxRows: count,
      maxQueries: count,
    }),
    quotas: z.record(z.string().regex(/^[a-z][a-zA-Z0-9_.-]{0,63}$/), z.number().nonnegative()),
    rates: z.strictObject({ perMinute: count, perDay: count, burst: count }),
    connections: count,
    priceUsd: z.string().refine((text) => parseUsd(text) !== undefined),
  })
  .refine((plan) => plan.isolations.includes(plan.defaultIsolation), { path: ['defaultIsolation'] });

export const planColumns = `id, name, aliases, isolations, default_isolation as "defaultIsolation", features,
  governor, quotas, rates, connections, price_usd as "priceUsd"`;

export const writePlanText = `insert into bulkhead.plan
  (id, name, aliases, isolations, default_isolation, features, governor, quotas, rates, connections, price_usd)
  values ($1, $2, $3::text[], $4::text[], $5, $6::text[], $7::jsonb, $8::jsonb, $9::jsonb, $10, $11)
  on conflict (id) do update set name = excluded.name, aliases = excluded.aliases,
    isolations = excluded.isolations, default_isolation = excluded.default_isolation,
    features = excluded.features, governor = excluded.governor, quotas = excluded.quotas,
    rates = excluded.rates, connections = excluded.connections, price_usd = excluded.price_usd,
    updated_at = statement_timestamp()`;

export function planValues(plan: Plan): readonly unknown[] {
  return [
    plan.id,
    plan.name,
    plan.aliases,
    plan.isolations,
    plan.defaultIsolation,
    plan.features,
    JSON.stringify(plan.governor),
    JSON.stringify(plan.quotas),
    JSON.stringify(plan.rates),
    plan.connections,
    plan.priceUsd,
  ];
}

/** @throws internal where a stored field is of an unknown type */
export function parsePlanRow(row: unknown): Plan {
  return parseRow('plan', planShape, row);
}
