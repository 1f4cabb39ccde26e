import type { NanoUsd } from '../../core/money.ts';
import { toCost, type UnitPrice } from './unit-price.ts';

/** `cost` is what providers charge us; `sale` is what tenants are charged for usage. */
export type PriceListName = 'cost' | 'sale';

export interface Price {
  readonly meter: string;
  /** '' = of the meter itself. */
  readonly model: string;
  /** `standard`, another tier of service such as `batch`, or either for long contexts: `above_200k`, `priority.above_200k`. */
  readonly rate: string;
  readonly usdPerUnit: UnitPrice;
}

export interface PriceVersion {
  readonly version: number;
  readonly list: PriceListName;
  readonly name: string;
  readonly source: string;
  readonly validFromMs: number;
  readonly validUntilMs: number | undefined;
}

export interface PriceQuestion {
  readonly meter: string;
  readonly model: string;
  /** Default `standard`. */
  readonly tier?: string | undefined;
  /** Tokens in the whole input: some models cost more beyond a length. */
  readonly contextTokens?: number | undefined;
}

export interface FoundPrice {
  readonly rate: string;
  /** undefined = the table knows none. */
  readonly usdPerUnit: UnitPrice | undefined;
}

export interface Rated {
  readonly rate: string;
  readonly costNanoUsd: NanoUsd | undefined;
  readonly priceVersion: number | undefined;
}

const ABOVE = /^(?:(.+)\.)?above_(\d+)k$/;
export const standardRate = 'standard';

/** The prices of one version, for looking up. */
export class PriceTable {
  readonly version: PriceVersion;
  readonly #prices = new Map<string, UnitPrice>();
  readonly #meters = new Set<string>();
  /** Lengths of context beyond which another price holds, longest first. */
  readonly #steps = new Map<string, { readonly aboveTokens: number; readonly rate: string }[]>();

  constructor(version: PriceVersion, prices: readonly Price[]) {
    this.version = version;
    for (const { meter, model, rate, usdPerUnit } of prices) {
      this.#meters.add(meter);
      this.#prices.set(toKey(meter, model, rate), usdPerUnit);
      const [, tier = standardRate, thousands] = ABOVE.exec(rate) ?? [];
      if (thousands === undefined) continue;
      const key = toKey(meter, model, tier);
      const steps = this.#steps.get(key) ?? [];
      steps.push({ aboveTokens: Number(thousands) * 1_000, rate });
      this.#steps.set(
        key,
        steps.toSorted((a, b) => b.aboveTokens - a.aboveTokens),
      );
    }
  }

  get size(): number {
    return this.#prices.size;
  }

  hasMeter(meter: string): boolean {
    return this.#meters.has(meter);
  }

  find({ meter, model, tier = standardRate, contextTokens = 0 }: PriceQuestion): FoundPrice {
    const known = this.#nameOf(meter, model, tier);
    const step = this.#steps
      .get(toKey(meter, known, tier))
      ?.find(({ aboveTokens }) => contextTokens > aboveTokens);
    const rate = step?.rate ?? tier;
    return { rate, usdPerUnit: this.#prices.get(toKey(meter, known, rate)) };
  }

  /** Under the very rate that an event was recorded with. */
  priceOf(meter: string, model: string, rate: string): UnitPrice | undefined {
    return this.#prices.get(toKey(meter, this.#nameOf(meter, model, rate), rate));
  }

  rate(amount: bigint, question: PriceQuestion): Rated {
    const { rate, usdPerUnit } = this.find(question);
    if (usdPerUnit === undefined) return { rate, costNanoUsd: undefined, priceVersion: undefined };
    return { rate, costNanoUsd: toCost(amount, usdPerUnit), priceVersion: this.version.version };
  }

  /** Gateways write `openai/gpt-4o` where lists have `gpt-4o`. */
  #nameOf(meter: string, model: string, rate: string): string {
    if (this.#prices.has(toKey(meter, model, rate))) return model;
    const plain = model.slice(model.lastIndexOf('/') + 1);
    return this.#prices.has(toKey(meter, plain, rate)) ? plain : model;
  }
}

function toKey(meter: string, model: string, rate: string): string {
  return `${meter}\n${model}\n${rate}`;
}
