import { z } from 'zod';
import { BulkheadError } from '../../core/errors.ts';
import { standardRate, type Price } from './price-table.ts';
import { parseUnitPrice } from './unit-price.ts';

/** Prices in the format of LiteLLM's `model_prices_and_context_window.json`, which provider lists are traded in. */
const shape = z.record(
  z.string().min(1).max(200),
  z.looseObject({ mode: z.string().optional(), litellm_provider: z.string().optional() }),
);

export interface ReadPrices {
  readonly prices: readonly Price[];
  /** `model: field` of prices that there is no meter for. */
  readonly ignored: readonly string[];
}

/** Our meter for each of their fields, without the suffixes that say tier and length of context. */
const meters: Readonly<Record<string, string>> = {
  input_cost_per_token: 'llm.input_tokens',
  output_cost_per_token: 'llm.output_tokens',
  cache_read_input_token_cost: 'llm.cached_tokens',
  input_cost_per_token_cache_hit: 'llm.cached_tokens',
  cache_creation_input_token_cost: 'llm.cache_write_tokens',
  cache_creation_input_token_cost_above_1hr: 'llm.cache_write_1h_tokens',
  output_cost_per_reasoning_token: 'llm.reasoning_tokens',
  input_cost_per_audio_token: 'llm.audio_input_tokens',
  output_cost_per_audio_token: 'llm.audio_output_tokens',
  cache_read_input_audio_token_cost: 'llm.audio_cached_tokens',
  cache_creation_input_audio_token_cost: 'llm.audio_cache_write_tokens',
  input_cost_per_image_token: 'llm.image_input_tokens',
  output_cost_per_image_token: 'llm.image_output_tokens',
  input_cost_per_image: 'llm.input_images',
  output_cost_per_image: 'llm.output_images',
  input_cost_per_second: 'audio.input_seconds',
  output_cost_per_second: 'audio.output_seconds',
};

const SUFFIX = /^(?<field>.+?)(?:_above_(?<thousands>\d+)k_tokens)?(?:_(?<tier>batches|flex|priority))?$/;
const tiers: Readonly<Record<string, string>> = { batches: 'batch', flex: 'flex', priority: 'priority' };

/** @throws value_invalid where it is not that format, or a price would have to be rounded */
export function readLitellmPrices(raw: unknown): ReadPrices {
  const parsed = shape.safeParse(raw);
  if (!parsed.success)
    throw new BulkheadError('value_invalid', { field: 'prices', reason: 'an object of models is expected' });
  const prices = new Map<string, Price>();
  const ignored: string[] = [];
  for (const [model, fields] of Object.entries(parsed.data)) {
    const mode = fields.mode ?? '';
    for (const [field, value] of Object.entries(fields)) {
      if (!/(?:_cost|cost_per)/.test(field)) continue;
      const found = readField(model, field, value, mode);
      if (found === undefined) ignored.push(`${model}: ${field}`);
      else for (const price of found) prices.set(`${price.meter}\n${model}\n${price.rate}`, price);
    }
  }
  return { prices: [...withReasoning(prices)], ignored };
}

function readField(model: string, field: string, value: unknown, mode: string): readonly Price[] | undefined {
  if (field === 'search_context_cost_per_query') return readSearch(model, value);
  const { field: plain = '', thousands, tier } = SUFFIX.exec(field)?.groups ?? {};
  const meter = meters[plain];
  if (meter === undefined || typeof value !== 'number') return undefined;
  const service = tier === undefined ? undefined : tiers[tier];
  const length = thousands === undefined ? undefined : `above_${thousands}k`;
  const rate = [service, length].filter((part) => part !== undefined).join('.');
  const isEmbedding = mode === 'embedding' && meter === 'llm.input_tokens';
  return [
    {
      meter: isEmbedding ? 'embedding.tokens' : meter,
      model,
      rate: rate === '' ? standardRate : rate,
      usdPerUnit: toUnitPrice(model, field, value),
    },
  ];
}

function readSearch(model: string, value: unknown): readonly Price[] | undefined {
  const sizes = z.record(z.string(), z.number()).safeParse(value);
  if (!sizes.success) return undefined;
  return Object.entries(sizes.data).map(([name, usd]) => ({
    meter: 'search.calls',
    model,
    rate: name.replace('search_context_size_', ''),
    usdPerUnit: toUnitPrice(model, name, usd),
  }));
}

function toUnitPrice(model: string, field: string, usd: number): bigint {
  // The shortest text that reads back as the same number is the one that was published.
  const price = parseUnitPrice(String(usd));
  if (price === undefined)
    throw new BulkheadError('value_invalid', {
      field: `prices.${field}`,
      reason: `the price of ${model} is negative, or has more than 21 places`,
    });
  return price;
}

/** Providers that say nothing else charge reasoning as output. */
function* withReasoning(prices: ReadonlyMap<string, Price>): Iterable<Price> {
  yield* prices.values();
  for (const price of prices.values()) {
    const meter = 'llm.reasoning_tokens';
    if (price.meter !== 'llm.output_tokens') continue;
    if (!prices.has(`${meter}\n${price.model}\n${price.rate}`)) yield { ...price, meter };
  }
}
