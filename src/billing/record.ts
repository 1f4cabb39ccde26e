import type { Clock } from '../core/clock.ts';
import { BulkheadError } from '../core/errors.ts';
import { newUuid7, type RowId, type TenantId } from '../core/ids.ts';
import { toUsd, type NanoUsd } from '../core/money.ts';
import { assertScope, type Actor, type Scope } from '../core/scope.ts';
import { deriveEventId, readUuid7Ms, type UsageEvent } from './ledger/event.ts';
import type { Ledger } from './ledger/ledger.ts';
import type { MeterStore } from './meter-store.ts';
import type { PriceStore } from './prices/price-store.ts';
import type { PriceQuestion } from './prices/price-table.ts';

/** Who used it: a scope, which also says who acted in which request, or the id of a tenant. Never text from a body. */
export type UsedBy = Scope | TenantId;

/** Counts do not overlap: a cached token is not an input token too, and reasoning is not output. */
export interface LlmUsage {
  readonly model: string;
  readonly inputTokens?: number;
  readonly outputTokens?: number;
  readonly cachedTokens?: number;
  readonly cacheWriteTokens?: number;
  readonly cacheWrite1hTokens?: number;
  readonly reasoningTokens?: number;
  readonly audioInputTokens?: number;
  readonly audioOutputTokens?: number;
  readonly imageInputTokens?: number;
  readonly imageOutputTokens?: number;
  readonly inputImages?: number;
  readonly outputImages?: number;
  /** Tier of service, such as `batch`, `flex` or `priority`; default `standard`. */
  readonly tier?: string;
  /** UUID version 7 of the call: sent twice, it is counted once. Default: a new one. */
  readonly callId?: RowId;
}

export interface RecordedCost {
  readonly callId: RowId;
  /** undefined where a part has no known price; what is known is in the ledger, and the rest is flagged. */
  readonly costNanoUsd: NanoUsd | undefined;
  /** The same in dollars, such as `0.00206`. */
  readonly costUsd: string | undefined;
  /** Meters of the call without a price. */
  readonly unpriced: readonly string[];
}

export interface RecordDeps {
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly meters: MeterStore;
  readonly prices: PriceStore;
}

/** What was used in one call, by meter. */
export interface UsedInCall {
  readonly usedBy: UsedBy;
  readonly callId: RowId | undefined;
  readonly parts: readonly { readonly question: PriceQuestion; readonly amount: number }[];
}

const llmMeters = {
  inputTokens: 'llm.input_tokens',
  cachedTokens: 'llm.cached_tokens',
  cacheWriteTokens: 'llm.cache_write_tokens',
  cacheWrite1hTokens: 'llm.cache_write_1h_tokens',
  outputTokens: 'llm.output_tokens',
  reasoningTokens: 'llm.reasoning_tokens',
  audioInputTokens: 'llm.audio_input_tokens',
  audioOutputTokens: 'llm.audio_output_tokens',
  imageInputTokens: 'llm.image_input_tokens',
  imageOutputTokens: 'llm.image_output_tokens',
  inputImages: 'llm.input_images',
  outputImages: 'llm.output_images',
} as const satisfies Partial<Record<keyof LlmUsage, string>>;

/** All that a model has to read: what a price for long contexts goes by. */
const context = [
  'inputTokens',
  'cachedTokens',
  'cacheWriteTokens',
  'cacheWrite1hTokens',
  'audioInputTokens',
  'imageInputTokens',
] as const;

/** @returns what a call of a language model comes to, by meter, without the meters it did not use */
export function toLlmParts(usage: LlmUsage): UsedInCall['parts'] {
  const contextTokens = context.reduce((sum, name) => sum + (usage[name] ?? 0), 0);
  return (Object.keys(llmMeters) as (keyof typeof llmMeters)[]).flatMap((name) => {
    const amount = usage[name] ?? 0;
    const question = { meter: llmMeters[name], model: usage.model, tier: usage.tier, contextTokens };
    return amount === 0 ? [] : [{ question, amount }];
  });
}

/**
 * Rates what a call used and puts it into the ledger.
 * @throws value_invalid for a negative, fractional or unknown amount; ledger_unavailable, after which the same call may be sent again
 */
export async function recordCall(deps: RecordDeps, used: UsedInCall): Promise<RecordedCost> {
  const callId = used.callId ?? newUuid7(deps.clock.nowMs());
  const atMs = readUuid7Ms(callId);
  if (atMs === undefined)
    throw new BulkheadError('value_invalid', { field: 'callId', reason: 'a UUID version 7 is expected' });
  const [book, meters] = await Promise.all([deps.prices.book(), deps.meters.all()]);
  const table = book.at('cost', atMs);
  const who = toWho(used.usedBy);
  const events = used.parts.map(({ question, amount }): UsageEvent => {
    const { meter, model } = question;
    assertAmount(meter, amount);
    const kind = meters.get(meter)?.kind;
    if (kind === undefined)
      throw new BulkheadError('value_invalid', { field: 'meter', reason: `there is no meter ${meter}` });
    const rated =
      kind === 'counted'
        ? { rate: '', costNanoUsd: 0n, priceVersion: undefined }
        : (table?.rate(BigInt(amount), question) ?? unpriced(question));
    return {
      ...who,
      ...rated,
      id: deriveEventId(atMs, ['call', who.tenant, callId, meter]),
      atMs,
      meter,
      amount: BigInt(amount),
      model,
      callId,
      corrects: undefined,
    };
  });
  await deps.ledger.append(events);
  return toRecorded(callId, events);
}

function toRecorded(callId: RowId, events: readonly UsageEvent[]): RecordedCost {
  const missing = events.filter(({ costNanoUsd }) => costNanoUsd === undefined).map(({ meter }) => meter);
  const sum = events.reduce((total, { costNanoUsd = 0n }) => total + costNanoUsd, 0n);
  const costNanoUsd = missing.length === 0 ? sum : undefined;
  return {
    callId,
    costNanoUsd,
    costUsd: costNanoUsd === undefined ? undefined : toUsd(costNanoUsd),
    unpriced: missing,
  };
}

function unpriced({
  tier = 'standard',
}: PriceQuestion): Pick<UsageEvent, 'rate' | 'costNanoUsd' | 'priceVersion'> {
  return { rate: tier, costNanoUsd: undefined, priceVersion: undefined };
}

interface Who {
  readonly tenant: TenantId;
  readonly actor: Actor;
  readonly requestId: string | undefined;
}

function toWho(usedBy: UsedBy): Who {
  if (typeof usedBy === 'string')
    return { tenant: usedBy, actor: { kind: 'system', id: 'library' }, requestId: undefined };
  assertScope(usedBy);
  return { tenant: usedBy.tenantId, actor: usedBy.actor, requestId: usedBy.requestId };
}

function assertAmount(meter: string, amount: number): void {
  if (!Number.isSafeInteger(amount) || amount < 0)
    throw new BulkheadError('value_invalid', {
      field: meter,
      reason: 'a whole number that is not negative is expected',
    });
}
