import { createHash } from 'node:crypto';

export function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function columnList(columns: readonly string[]): string {
  return columns.map(quote).join(', ');
}

export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A name for a while, of whatever is named already: as long as PostgreSQL takes, and no other's. */
export function interimName(name: string): string {
  const digest = createHash('sha256').update(name).digest('hex').slice(0, 8);
  return `${name.slice(0, 40)}_bh_${digest}`;
}
