import { z } from 'zod';
import { BulkheadError } from '../core/errors.ts';

export const settingKinds = ['string', 'number', 'boolean', 'json'] as const;
export type SettingKind = (typeof settingKinds)[number];

const KEY = /^[a-z][a-zA-Z0-9_.-]{0,127}$/;
const FEATURE = /^[a-z][a-z0-9_.-]{0,63}$/;
const MAX_BYTES = 16_384;
const json = z.json();

/** @throws value_invalid where the text cannot be the key of a setting */
export function assertSettingKey(key: string): void {
  if (!KEY.test(key))
    throw new BulkheadError('value_invalid', {
      field: 'key',
      hint: 'a letter, then up to 127 letters, digits, dots, hyphens and underscores',
    });
}

/** @returns the JSON text. @throws value_invalid where the value is no JSON, too large, or not of the declared kind */
export function toSettingJson(key: string, value: unknown, kind: SettingKind | undefined): string {
  if (!json.safeParse(value).success)
    throw new BulkheadError('value_invalid', { field: key, reason: 'the value is not JSON' });
  if (kind !== undefined && kind !== 'json' && typeof value !== kind)
    throw new BulkheadError('value_invalid', { field: key, reason: `the setting takes a ${kind}` });
  const text = JSON.stringify(value);
  if (Buffer.byteLength(text) > MAX_BYTES)
    throw new BulkheadError('value_invalid', { field: key, reason: `more than ${MAX_BYTES} bytes` });
  return text;
}

/** @throws value_invalid where a name of a feature is malformed or there are too many */
export function assertFeatures(features: readonly string[]): void {
  if (
    features.length > 100 ||
    features.some((feature) => typeof feature !== 'string' || !FEATURE.test(feature))
  )
    throw new BulkheadError('value_invalid', {
      field: 'features',
      hint: 'at most 100 names of lower-case letters, digits, dots, hyphens and underscores',
    });
}
