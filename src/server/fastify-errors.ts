import { BulkheadError, isBulkheadError } from '../core/errors.ts';
import { invalidInput } from './validate.ts';

/** What the framework refuses before our code sees the request, in our words: its own may repeat the input. */
const invalid: Readonly<Record<string, { readonly field: string; readonly reason: string }>> = {
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: {
    field: 'content-length',
    reason: 'differs from the size of the body',
  },
  FST_ERR_CTP_EMPTY_JSON_BODY: { field: 'body', reason: 'is empty' },
  FST_ERR_CTP_INVALID_JSON_BODY: { field: 'body', reason: 'is not JSON' },
};

/** @returns a `BulkheadError` where the framework refused a request; anything else as it came */
export function fromFastify(error: unknown): unknown {
  if (isBulkheadError(error) || !(error instanceof Error)) return error;
  const { code, statusCode } = error as { code?: unknown; statusCode?: unknown };
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return new BulkheadError('body_too_large', {}, { cause: error });
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE' || code === 'FST_ERR_CTP_INVALID_TYPE')
    return new BulkheadError(
      'media_type_unsupported',
      { field: 'content-type', reason: 'send application/json' },
      { cause: error },
    );
  if (code === 'FST_ERR_BAD_URL' || code === 'FST_ERR_MAX_PARAM_LENGTH')
    return new BulkheadError('not_found');
  const known = typeof code === 'string' ? invalid[code] : undefined;
  if (known !== undefined) return invalidInput([known]);
  // The JSON parser's own errors have no code: a syntax error, or a name such as __proto__.
  if (error instanceof SyntaxError && statusCode === 400)
    return invalidInput([{ field: 'body', reason: 'is not JSON, or uses a forbidden name' }]);
  return error;
}
