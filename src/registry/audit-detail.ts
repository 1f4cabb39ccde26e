const NAME = /^[a-z][a-zA-Z0-9_.]{0,63}$/;
/** Ids, codes, names of fields, times. No spaces and no @, so no sentences, names of people or addresses. */
const CODE = /^[A-Za-z0-9][A-Za-z0-9._:/+-]{0,127}$/;
/** Our own secrets would pass as codes. */
const SECRET = /bho?_[A-Za-z0-9_-]{20,}/;
const MAX_FIELDS = 30;

type DetailValue = string | number | boolean | readonly (string | number)[];

/** Keeps ids, numbers and short codes of `detail`; whatever else a caller put there is withheld, by name. */
export function toAuditDetail(
  detail: Readonly<Record<string, unknown>>,
): Readonly<Record<string, DetailValue>> {
  return Object.fromEntries(
    Object.entries(detail)
      .filter(([name, value]) => NAME.test(name) && value !== undefined)
      .slice(0, MAX_FIELDS)
      .map(([name, value]) => [name, toValue(value)]),
  );
}

function toValue(value: unknown): DetailValue {
  if (typeof value === 'boolean') return value;
  if (Array.isArray(value)) return value.slice(0, MAX_FIELDS).map(toScalar);
  return toScalar(value);
}

function toScalar(value: unknown): string | number {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Date && !Number.isNaN(value.getTime())) return value.toISOString();
  return typeof value === 'string' && CODE.test(value) && !SECRET.test(value) ? value : '[withheld]';
}
