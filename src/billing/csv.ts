/** What spreadsheets take for a formula at the beginning of a cell; a number of ours may begin with a sign. */
const FORMULA = /^(?:[=@\t\r]|[+-](?![\d.]+$))/;

/** RFC 4180, with CRLF. Text that a spreadsheet would run is quoted by an apostrophe. */
export function toCsv(
  columns: readonly string[],
  rows: readonly (readonly (string | undefined)[])[],
): string {
  return [columns, ...rows].map((row) => row.map(toCell).join(',')).join('\r\n') + '\r\n';
}

function toCell(value: string | undefined): string {
  const text = value ?? '';
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
