/** One figure. `value` and `holds` are null where nothing was measured, and `how` then says why. */
export interface BenchRow {
  readonly area: string;
  readonly name: string;
  readonly value: number | null;
  readonly unit: string;
  /** Such as `>= 1` or `<= 50`; empty = shown for what it is. */
  readonly target: string;
  readonly holds: boolean | null;
  readonly how: string;
}

export interface BenchPart {
  readonly area: string;
  readonly name: string;
  run(): Promise<readonly BenchRow[]>;
}

const TARGET = /^(>=|<=) (\d+(?:\.\d+)?)$/;

/** A measured figure against its target. */
export function measured(row: Omit<BenchRow, 'holds' | 'value'> & { readonly value: number }): BenchRow {
  return { ...row, holds: meets(row.value, row.target) };
}

function meets(value: number, target: string): boolean | null {
  const [, sign, bound] = TARGET.exec(target) ?? [];
  if (sign === undefined || bound === undefined) return null;
  return sign === '>=' ? value >= Number(bound) : value <= Number(bound);
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** @param share between 0 and 1 */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
