import type { Row } from '../sql.ts';
import { decoderOf, type Decode } from './decode.ts';

interface Column {
  readonly name: string;
  readonly decode: Decode;
}

/** The columns of a statement's rows, as the server described them. */
export interface RowShape {
  readonly columns: readonly Column[];
  /** Every column, null: copying it is faster than growing an object, and makes `__proto__` an ordinary name. */
  readonly blank: Row;
}

export const noColumns: RowShape = Object.freeze({ columns: [], blank: {} });

/** Reads the payload of a RowDescription. */
export function readRowShape(bytes: Buffer, start: number): RowShape {
  const columns: Column[] = [];
  let at = start + 2;
  for (let count = bytes.readUInt16BE(start); count > 0; count -= 1) {
    const end = bytes.indexOf(0, at);
    // After the name: table (4), attribute (2), type (4), size (2), modifier (4), format (2).
    columns.push({ name: bytes.toString('utf8', at, end), decode: decoderOf(bytes.readUInt32BE(end + 7)) });
    at = end + 19;
  }
  const blank = Object.fromEntries(columns.map(({ name }) => [name, null]));
  return { columns, blank };
}

/** Reads the payload of a DataRow. */
export function readRow(shape: RowShape, bytes: Buffer, start: number): Row {
  const row = { ...shape.blank };
  let at = start + 2;
  for (const { name, decode } of shape.columns) {
    const size = bytes.readInt32BE(at);
    at += 4;
    if (size < 0) continue;
    row[name] = decode(bytes, at, at + size);
    at += size;
  }
  return row;
}
