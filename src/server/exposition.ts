/** Counters, gauges and histograms in Prometheus' text format 0.0.4. */

export type Labels = Readonly<Record<string, string>>;

interface Family {
  lines(): Iterable<string>;
}

/** A label that someone could make up must not make the process grow. Beyond this, series are counted together. */
const maxSeries = 2_000;

class Series<Value> {
  readonly #values = new Map<string, Value>();

  /** @returns the value of the labels; of `other` labels when there are too many already */
  of(labels: Labels, start: () => Value): Value {
    const key = toText(labels);
    const found = this.#values.get(key);
    if (found !== undefined) return found;
    const kept = this.#values.size < maxSeries ? key : toText(mapLabels(labels, () => 'other'));
    const value = this.#values.get(kept) ?? start();
    this.#values.set(kept, value);
    return value;
  }

  entries(): Iterable<[string, Value]> {
    return this.#values.entries();
  }
}

class Scalar implements Family {
  readonly #series = new Series<{ amount: number }>();
  private readonly header: string;
  readonly #name: string;

  constructor(type: 'counter' | 'gauge', name: string, help: string) {
    this.#name = name;
    this.header = `# HELP ${name} ${help}\n# TYPE ${name} ${type}`;
  }

  /** The sample of these labels, for keeping: finding it is most of what counting costs. */
  sample(labels: Labels): { amount: number } {
    return this.#series.of(labels, () => ({ amount: 0 }));
  }

  add(labels: Labels, amount: number): this {
    this.sample(labels).amount += amount;
    return this;
  }

  set(labels: Labels, amount: number): this {
    this.sample(labels).amount = amount;
    return this;
  }

  *lines(): Iterable<string> {
    yield this.header;
    for (const [labels, { amount }] of this.#series.entries())
      yield `${this.#name}${braced(labels)} ${amount}`;
  }
}

export class Counter extends Scalar {
  constructor(name: string, help: string) {
    super('counter', name, help);
  }
}

export class Gauge extends Scalar {
  constructor(name: string, help: string) {
    super('gauge', name, help);
  }
}

/** One distribution: its own bounds, and how many values fell below each. */
class Distribution {
  readonly #bounds: readonly number[];
  readonly counts: number[];
  sum = 0;
  count = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.counts = bounds.map(() => 0);
  }

  observe(value: number): void {
    const bucket = this.#bounds.findIndex((bound) => value <= bound);
    if (bucket !== -1) this.counts[bucket] = (this.counts[bucket] ?? 0) + 1;
    this.sum += value;
    this.count += 1;
  }
}

export class Histogram implements Family {
  readonly #series = new Series<Distribution>();
  readonly #name: string;
  readonly #help: string;
  readonly #bounds: readonly number[];

  /** @param bounds upper bounds, rising; `+Inf` is added */
  constructor(name: string, help: string, bounds: readonly number[]) {
    this.#name = name;
    this.#help = help;
    this.#bounds = bounds;
  }

  /** The distribution of these labels, for keeping. */
  sample(labels: Labels): Distribution {
    return this.#series.of(labels, () => new Distribution(this.#bounds));
  }

  *lines(): Iterable<string> {
    const name = this.#name;
    yield `# HELP ${name} ${this.#help}`;
    yield `# TYPE ${name} histogram`;
    for (const [labels, { counts, sum, count }] of this.#series.entries()) {
      const before = labels === '' ? '' : `${labels},`;
      let below = 0;
      for (const [index, bound] of this.#bounds.entries()) {
        below += counts[index] ?? 0;
        yield `${name}_bucket{${before}le="${bound}"} ${below}`;
      }
      yield `${name}_bucket{${before}le="+Inf"} ${count}`;
      yield `${name}_sum${braced(labels)} ${sum}`;
      yield `${name}_count${braced(labels)} ${count}`;
    }
  }
}

export function render(families: readonly Family[]): string {
  return `${families.flatMap((family) => [...family.lines()]).join('\n')}\n`;
}

function toText(labels: Labels): string {
  let text = '';
  for (const name in labels) text += `${text === '' ? '' : ','}${name}="${escape(labels[name] ?? '')}"`;
  return text;
}

function mapLabels(labels: Labels, value: () => string): Labels {
  return Object.fromEntries(Object.keys(labels).map((name) => [name, value()]));
}

const SPECIAL = /[\\"\n]/g;

function escape(value: string): string {
  return SPECIAL.test(value) ? value.replace(SPECIAL, (c) => (c === '\n' ? '\\n' : `\\${c}`)) : value;
}

function braced(labels: string): string {
  return labels === '' ? '' : `{${labels}}`;
}
