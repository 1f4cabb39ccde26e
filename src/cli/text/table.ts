import { plain, type Paint, type Style } from './paint.ts';
import { cut, toSafeLine, widthOf } from './width.ts';

export interface Cell {
  readonly text: string;
  readonly style?: Style;
}

export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
  /** May be cut with `…` where the terminal is too narrow. Ids and keys never are: they are there to be copied. */
  readonly shrink?: 'never' | 'when_narrow';
}

export interface TableOptions {
  readonly paint?: Paint;
  /** Columns of the terminal; undefined = as wide as it gets, as for a file or a pipe. */
  readonly width?: number | undefined;
}

const gap = '  ';
/** A shrunk column still shows something. */
const leastWidth = 8;

/** Aligned text: a line of titles, a line a row, no borders, no trailing blanks, no line ever wrapped by us. */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly (Cell | string)[])[],
  options: TableOptions = {},
): string {
  const paint = options.paint ?? plain;
  const cells = rows.map((row) => columns.map((_, index) => toCell(row[index] ?? '')));
  const widths = fit(columns, naturalWidths(columns, cells), options.width);
  const line = (row: readonly Cell[]): string =>
    row
      .map((cell, index) => pad(cell, columns[index], { width: widths[index] ?? 0, paint }))
      .join(gap)
      .trimEnd();
  const titles = columns.map(({ title }): Cell => ({ text: title.toUpperCase(), style: 'dim' }));
  return [titles, ...cells].map(line).join('\n');
}

/** Names on the left, values on the right: one thing in detail. */
export function renderFields(
  fields: readonly (readonly [string, Cell | string])[],
  options: TableOptions = {},
): string {
  const paint = options.paint ?? plain;
  const width = Math.max(0, ...fields.map(([name]) => widthOf(name)));
  return fields
    .map(([name, value]) => {
      const { text, style } = toCell(value);
      const shown = style === undefined ? text : paint(style, text);
      return `${paint('dim', name)}${' '.repeat(width - widthOf(name))}${gap}${shown}`.trimEnd();
    })
    .join('\n');
}

function toCell(cell: Cell | string): Cell {
  return typeof cell === 'string' ? { text: toSafeLine(cell) } : { ...cell, text: toSafeLine(cell.text) };
}

function naturalWidths(columns: readonly Column[], rows: readonly (readonly Cell[])[]): number[] {
  return columns.map(({ title }, index) =>
    Math.max(widthOf(title), ...rows.map((row) => widthOf(row[index]?.text ?? ''))),
  );
}

/** Takes what is missing from the widest column that may shrink, again and again. */
function fit(columns: readonly Column[], natural: readonly number[], width: number | undefined): number[] {
  const widths = [...natural];
  if (width === undefined) return widths;
  const total = (): number => widths.reduce((sum, each) => sum + each, 0) + gap.length * (widths.length - 1);
  while (total() > width) {
    let widest = -1;
    for (const [index, column] of columns.entries()) {
      const each = widths[index] ?? 0;
      if (column.shrink === 'when_narrow' && each > leastWidth && each > (widths[widest] ?? 0))
        widest = index;
    }
    if (widest === -1) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return widths;
}

function pad(
  cell: Cell,
  column: Column | undefined,
  look: { readonly width: number; readonly paint: Paint },
): string {
  const text = cut(cell.text, look.width);
  const blanks = ' '.repeat(Math.max(0, look.width - widthOf(text)));
  const shown = cell.style === undefined ? text : look.paint(cell.style, text);
  return column?.align === 'right' ? blanks + shown : shown + blanks;
}
