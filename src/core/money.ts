/** 10⁻⁹ US dollar. All money is an integer of these; nothing is ever rounded twice. */
export type NanoUsd = bigint;

const NANO_PER_USD = 1_000_000_000n;
const DECIMAL = /^(-?)(\d{1,15})(?:\.(\d{1,9}))?$/;

/** @param raw a decimal number of dollars with at most nine places, such as `"0.0021"`. */
export function parseUsd(raw: string): NanoUsd | undefined {
  const match = DECIMAL.exec(raw);
  if (match === null) return undefined;
  const [, sign, whole = '0', fraction = ''] = match;
  const value = BigInt(whole) * NANO_PER_USD + BigInt(fraction.padEnd(9, '0'));
  return sign === '-' ? -value : value;
}

export function toUsd(amount: NanoUsd): string {
  const sign = amount < 0n ? '-' : '';
  const positive = amount < 0n ? -amount : amount;
  const fraction = (positive % NANO_PER_USD).toString().padStart(9, '0').replace(/0+$/, '');
  return `${sign}${positive / NANO_PER_USD}.${fraction.padEnd(2, '0')}`;
}
