import { createHmac } from 'node:crypto';
import { z } from 'zod';
import { BulkheadError } from '../../core/errors.ts';
import { toRecordText, type ExportRecord } from '../../core/export-record.ts';
import { masks, type Mask, type Masking } from '../archives.ts';

const rules = z.record(z.string().regex(/^(?:\*|[^.*]+)(?:\.(?:\*|[^.*]+))?$/), z.enum(masks));

/** Never people: what ties rows together and when they were made. They need no rule, and may have one. */
const HARMLESS = /^(?:id|.+_id|.+_at)$/;

/** @throws value_invalid for rules that are not rules */
export function parseMasking(raw: unknown): Masking {
  const parsed = rules.safeParse(raw);
  if (parsed.success) return parsed.data;
  throw new BulkheadError('value_invalid', {
    field: 'masking',
    reason: `rules are of the form "users.email": "email"; masks are ${masks.join(', ')}`,
  });
}

/**
 * Records with their values masked. The same value becomes the same mask throughout, so that rows that met on it still do;
 * with another secret it becomes another.
 * @throws value_invalid for a field that no rule speaks of: a column that came later is not let through unseen
 */
export async function* masked(
  records: AsyncIterable<ExportRecord>,
  masking: Masking,
  secret: string,
): AsyncGenerator<ExportRecord, void, undefined> {
  const known = new Map<string, Mask>();
  for await (const record of records) {
    const value = Object.fromEntries(
      Object.entries(record.value).map(([field, item]) => {
        const name = `${record.set}.${field}`;
        const mask = known.get(name) ?? findMask(masking, record.set, field);
        known.set(name, mask);
        return [field, toMasked(item, mask, secret)];
      }),
    );
    yield { set: record.set, value, text: toRecordText({ set: record.set, value }) };
  }
}

function findMask(masking: Masking, set: string, field: string): Mask {
  const found = masking[`${set}.${field}`] ?? masking[`${set}.*`] ?? masking[`*.${field}`] ?? masking['*'];
  if (found !== undefined) return found;
  if (HARMLESS.test(field)) return 'keep';
  throw new BulkheadError('value_invalid', {
    field: `${set}.${field}`,
    reason: `no rule says what becomes of ${set}.${field}`,
    hint: `add a rule such as "${set}.${field}": "hash", or "keep"`,
  });
}

function toMasked(value: unknown, mask: Mask, secret: string): unknown {
  if (mask === 'keep' || value === null) return value;
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const digest = (): Buffer => createHmac('sha256', secret).update(text).digest();
  switch (mask) {
    case 'null':
      return null;
    case 'hash':
      return digest().toString('hex').slice(0, 32);
    case 'email':
      return `${digest().toString('hex').slice(0, 16)}@example.invalid`;
    case 'name':
      return toName(digest());
    case 'text':
      return toFiller(digest(), text.length);
    case 'json':
      return text.trimStart().startsWith('[') ? '[]' : '{}';
  }
}

const firstNames = [
  'Ada',
  'Ben',
  'Cleo',
  'Dana',
  'Eli',
  'Fay',
  'Gil',
  'Hana',
  'Ivo',
  'Jun',
  'Kim',
  'Lea',
  'Max',
  'Nia',
  'Ole',
  'Pia',
];
const lastNames = [
  'Ash',
  'Birch',
  'Cole',
  'Dale',
  'Elm',
  'Frost',
  'Glen',
  'Hill',
  'Iver',
  'Jay',
  'Kerr',
  'Lake',
  'Moss',
  'North',
  'Oak',
  'Pine',
];

/** With four digits, so that few people share one. */
function toName(digest: Buffer): string {
  const pick = (list: readonly string[], index: number): string =>
    list[(digest[index] ?? 0) % list.length] ?? '';
  return `${pick(firstNames, 0)} ${pick(lastNames, 1)} ${String(digest.readUInt16BE(2) % 10_000).padStart(4, '0')}`;
}

const words =
  'lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ut labore et'.split(
    ' ',
  );

/** About as long as what it stands for, so that a sandbox behaves like the real thing. */
function toFiller(digest: Buffer, length: number): string {
  let text = digest.toString('hex').slice(0, 8);
  for (let index = 0; text.length < length; index += 1)
    text += ` ${words[((digest[index % digest.length] ?? 0) + index) % words.length] ?? ''}`;
  return text.slice(0, Math.max(8, length));
}
