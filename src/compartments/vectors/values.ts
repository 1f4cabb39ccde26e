import { BulkheadError } from '../../core/errors.ts';
import { metrics, type Passage, type SpaceShape } from './vectors.ts';

export const maxDimension = 4_000;
/** What an HNSW index takes in single precision; above it the index is in half precision. */
const maxIndexedDimension = 2_000;
const maxBatch = 5_000;
const maxBodyChars = 200_000;
const maxTitleChars = 2_000;
const maxMetadataBytes = 32_768;
const LANGUAGE = /^[a-z][a-z_]{0,40}$/;
const MODEL = /^[\x21-\x7e](?:[\x20-\x7e]{0,198}[\x21-\x7e])?$/;

/** The type that vectors are compared in. */
export function columnType({ dimension }: Pick<SpaceShape, 'dimension'>): string {
  return dimension <= maxIndexedDimension ? `vector(${dimension})` : `halfvec(${dimension})`;
}

/** @throws value_invalid */
export function assertShape(shape: SpaceShape): void {
  if (!MODEL.test(shape.model)) throw invalid('model', '1 to 200 printable characters');
  if (!Number.isInteger(shape.dimension) || shape.dimension < 1 || shape.dimension > maxDimension)
    throw invalid('dimension', `a whole number from 1 to ${maxDimension}`);
  if (!metrics.includes(shape.metric)) throw invalid('metric', `one of ${metrics.join(', ')}`);
}

/**
 * As pgvector reads it. Nine digits after the point tell every value apart that a vector of length 1 can have in single
 * precision; larger values keep nine digits in all.
 * @throws value_invalid for the wrong dimension, NaN or an infinity
 */
export function toVectorText(
  vector: Float32Array | readonly number[],
  expected: { readonly dimension: number; readonly metric: SpaceShape['metric']; readonly field: string },
): string {
  const { dimension, metric, field } = expected;
  if (vector.length !== dimension)
    throw invalid(field, `has ${vector.length} dimensions, and the space that serves has ${dimension}`);
  let text = '[';
  let length = 0;
  for (let index = 0; index < dimension; index += 1) {
    const value = vector[index] ?? Number.NaN;
    if (!Number.isFinite(value) || Math.abs(value) > 3.4e38)
      throw invalid(field, `number ${index} is not finite`);
    length += value * value;
    const rounded = Math.abs(value) < 2 ? Math.round(value * 1e9) / 1e9 : Number(value.toPrecision(9));
    text += index === 0 ? rounded : `,${rounded}`;
  }
  if (length === 0 && metric === 'cosine')
    throw invalid(field, 'has length 0, which has no direction to compare by cosine');
  return `${text}]`;
}

/** @throws value_invalid naming item and field · nothing of the batch is written then */
export function assertPassages(passages: readonly Passage[], tenant: string): void {
  if (passages.length > maxBatch)
    throw invalid('passages', `${passages.length} at once; send at most ${maxBatch} in a call`);
  const seen = new Set<string>();
  for (const [index, passage] of passages.entries()) {
    const at = (field: string): string => `passages[${index}].${field}`;
    const { document, ordinal = 0, title = '', body = '', language = 'simple' } = passage;
    if (typeof document !== 'string' || document.length < 1 || document.length > 512 || hasNul(document))
      throw invalid(at('document'), '1 to 512 characters');
    if (!Number.isInteger(ordinal) || ordinal < 0 || ordinal > 2_000_000_000)
      throw invalid(at('ordinal'), 'a whole number from 0 on');
    if (title.length > maxTitleChars || hasNul(title))
      throw invalid(at('title'), `up to ${maxTitleChars} characters, none of them NUL`);
    if (body.length > maxBodyChars || hasNul(body))
      throw invalid(at('body'), `up to ${maxBodyChars} characters, none of them NUL`);
    if (!LANGUAGE.test(language)) throw invalid(at('language'), 'a name such as english or simple');
    assertMetadata(passage.metadata ?? {}, { tenant, field: at('metadata') });
    const place = `${ordinal} ${document}`;
    if (seen.has(place))
      throw invalid(at('ordinal'), 'names the same place of the same document as another item');
    seen.add(place);
  }
}

function assertMetadata(
  metadata: Readonly<Record<string, unknown>>,
  of: { readonly tenant: string; readonly field: string },
): void {
  for (const name of ['tenant_id', 'tenantId']) {
    if (!Object.hasOwn(metadata, name) || metadata[name] === of.tenant) continue;
    throw invalid(`${of.field}.${name}`, 'names another tenant than the scope is for');
  }
  const text = JSON.stringify(metadata);
  if (Buffer.byteLength(text) > maxMetadataBytes)
    throw invalid(of.field, `more than ${maxMetadataBytes} bytes of JSON`);
  if (text.includes(String.raw`\u0000`)) throw invalid(of.field, 'holds a NUL character');
}

function hasNul(text: string): boolean {
  return text.includes('\u0000');
}

export function assertLanguage(language: string): void {
  if (!LANGUAGE.test(language)) throw invalid('language', 'a name such as english or simple');
}

export function invalid(field: string, reason: string): BulkheadError {
  return new BulkheadError('value_invalid', { field, reason });
}
