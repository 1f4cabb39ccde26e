import type { NanoUsd } from '../../core/money.ts';

/** 10⁻²¹ US dollar for one unit. A token costs some billionths of a dollar: money itself is too coarse for its price. */
export type UnitPrice = bigint;

const places = 21;
const perNano = 10n ** 12n;
const DECIMAL = /^(\d{1,15})(?:\.(\d+))?(?:e([+-]\d{1,2}))?$/i;

/** @param raw a decimal number of dollars, also as JSON writes small ones (`2.5e-6`); undefined where it does not fit exactly */
export function parseUnitPrice(raw: string): UnitPrice | undefined {
  const match = DECIMAL.exec(raw);
  if (match === null) return undefined;
  const [, whole = '0', fraction = '', exponent = '0'] = match;
  const shift = places - fraction.length + Number(exponent);
  const digits = BigInt(whole + fraction);
  if (shift >= 0) return digits * 10n ** BigInt(shift);
  const divisor = 10n ** BigInt(-shift);
  return digits % divisor === 0n ? digits / divisor : undefined;
}

/** Decimal dollars without trailing zeros. */
export function toUnitUsd(price: UnitPrice): string {
  const text = price.toString().padStart(places + 1, '0');
  const fraction = text.slice(-places).replace(/0+$/, '');
  return fraction === '' ? text.slice(0, -places) : `${text.slice(0, -places)}.${fraction}`;
}

/** The one rounding there is: half away from zero, as PostgreSQL's round(numeric) does it, which rates whole months anew. */
export function toCost(amount: bigint, price: UnitPrice): NanoUsd {
  const exact = amount * price;
  const magnitude = exact < 0n ? -exact : exact;
  const rounded = (magnitude + perNano / 2n) / perNano;
  return exact < 0n ? -rounded : rounded;
}
