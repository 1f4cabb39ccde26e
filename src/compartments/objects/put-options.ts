import type { Clock } from '../../core/clock.ts';
import { BulkheadError } from '../../core/errors.ts';
import { toObjectName } from './names.ts';
import type { PutOptions } from './objects.ts';
import type { GivenFacts } from './sealed-blob.ts';

/** A media type with parameters, RFC 9110 section 8.3; in a response header it must not start a second one. */
const CONTENT_TYPE = /^[\w!#$&^.+-]{1,100}\/[\w!#$&^.+-]{1,100}(?:\s*;\s*[\w-]{1,40}=[\w."'-]{1,100}){0,4}$/;
const METADATA_NAME = /^[a-z][a-z0-9-]{0,62}$/;
const maxMetadataBytes = 2_048;

/** @throws value_invalid */
export function toGivenFacts(name: string, options: PutOptions, clock: Clock): GivenFacts {
  const { contentType = 'application/octet-stream', metadata = {} } = options;
  if (!CONTENT_TYPE.test(contentType))
    throw new BulkheadError('value_invalid', { field: 'contentType', reason: 'is not a media type' });
  if (Object.keys(metadata).some((key) => !METADATA_NAME.test(key)))
    throw new BulkheadError('value_invalid', {
      field: 'metadata',
      reason: 'has a name that is not lower-case letters, digits and hyphens',
    });
  if (Buffer.byteLength(JSON.stringify(metadata)) > maxMetadataBytes)
    throw new BulkheadError('value_invalid', {
      field: 'metadata',
      reason: `has more than ${maxMetadataBytes} bytes`,
    });
  return { name: toObjectName(name), contentType, metadata, updatedAtMs: clock.nowMs() };
}
