/** How a caller may go on: not at all, after changing something, or later with the same request. */
export type Retry = 'never' | 'after_change' | 'later';

interface ErrorKind {
  readonly status: number;
  readonly retry: Retry;
  readonly title: string;
}

/**
 * Every error Bulkhead answers with. `docs/reference/errors.md` describes the same codes; a test compares both ways.
 */
export const errorTable = {
  aborted: { status: 499, retry: 'later', title: 'The caller went away' },
  archive_refused: { status: 422, retry: 'after_change', title: 'The archive cannot be used' },
  blob_unwritable: { status: 507, retry: 'later', title: 'Archives and backups cannot be written' },
  body_too_large: { status: 413, retry: 'after_change', title: 'The request body is too large' },
  capability_refused: {
    status: 503,
    retry: 'later',
    title: 'The database no longer accepts this tenant context',
  },
  claims_conflict: {
    status: 403,
    retry: 'after_change',
    title: 'The request names a tenant the credential is not for',
  },
  compartment_unreachable: {
    status: 503,
    retry: 'later',
    title: 'The store that holds this data does not answer',
  },
  config_invalid: { status: 500, retry: 'after_change', title: 'The configuration is not valid' },
  contended: {
    status: 409,
    retry: 'later',
    title: 'Somebody else was changing the same rows',
  },
  conflict: { status: 409, retry: 'after_change', title: 'A row with these values exists already' },
  credential_unreadable: { status: 500, retry: 'never', title: 'A stored credential cannot be decrypted' },
  data_dir_in_use: { status: 500, retry: 'later', title: 'Another process uses this data folder' },
  document_empty: { status: 422, retry: 'after_change', title: 'The document holds no text' },
  document_too_costly: { status: 422, retry: 'after_change', title: 'The document is too costly to read' },
  document_too_large: { status: 413, retry: 'after_change', title: 'The document is too large' },
  document_unreadable: { status: 422, retry: 'after_change', title: 'The document cannot be read' },
  encoding_unknown: { status: 422, retry: 'after_change', title: 'The encoding of the text is not known' },
  domain_unproven: {
    status: 409,
    retry: 'after_change',
    title: 'The domain has not been shown to be the tenant’s',
  },
  foreign_row: { status: 500, retry: 'never', title: 'A store returned a row of another tenant' },
  hierarchy_refused: { status: 400, retry: 'after_change', title: 'The parent cannot be used' },
  idempotency_key_reused: {
    status: 422,
    retry: 'after_change',
    title: 'The idempotency key was used for another request',
  },
  internal: { status: 500, retry: 'later', title: 'Something went wrong on our side' },
  isolation_unavailable: {
    status: 409,
    retry: 'after_change',
    title: 'This isolation is not available here',
  },
  ledger_unavailable: { status: 503, retry: 'later', title: 'Usage cannot be recorded right now' },
  limits_unavailable: { status: 503, retry: 'later', title: 'Limits cannot be counted right now' },
  media_type_unsupported: {
    status: 415,
    retry: 'after_change',
    title: 'The body is of a type that is not read',
  },
  migration_refused: { status: 400, retry: 'after_change', title: 'The migration would break the wall' },
  model_unavailable: {
    status: 503,
    retry: 'later',
    title: 'The model of this tenant cannot be used',
  },
  not_found: { status: 404, retry: 'never', title: 'Not found' },
  object_damaged: { status: 500, retry: 'never', title: 'A stored object is damaged' },
  operation_in_progress: {
    status: 409,
    retry: 'later',
    title: 'Another operation on this tenant is running',
  },
  plan_unknown: { status: 400, retry: 'after_change', title: 'There is no such plan' },
  pool_saturated: { status: 503, retry: 'later', title: 'All database connections are busy' },
  query_budget_spent: { status: 429, retry: 'after_change', title: 'The request ran too many queries' },
  quota_exceeded: { status: 403, retry: 'after_change', title: 'The plan’s limit is reached' },
  rate_limited: { status: 429, retry: 'later', title: 'Too many requests' },
  read_only: { status: 403, retry: 'never', title: 'This scope only reads' },
  reference_invalid: { status: 409, retry: 'after_change', title: 'A referenced row does not exist' },
  registry_stale: { status: 503, retry: 'later', title: 'Permissions cannot be confirmed right now' },
  request_in_progress: {
    status: 409,
    retry: 'later',
    title: 'The first request with this idempotency key has not ended',
  },
  request_invalid: { status: 400, retry: 'after_change', title: 'The request is not valid' },
  row_cap_exceeded: { status: 422, retry: 'after_change', title: 'The query returned too many rows' },
  scope_missing: { status: 500, retry: 'never', title: 'A data call was made outside a tenant scope' },
  shutting_down: { status: 503, retry: 'later', title: 'The server is shutting down' },
  signature_refused: { status: 403, retry: 'after_change', title: 'The signed URL does not allow this' },
  slug_taken: { status: 409, retry: 'after_change', title: 'The slug is in use or was used before' },
  statement_timeout: {
    status: 503,
    retry: 'after_change',
    title: 'The statement took too long and was stopped',
  },
  store_full: { status: 503, retry: 'later', title: 'The store that holds this data has no room left' },
  table_unwalled: {
    status: 500,
    retry: 'after_change',
    title: 'A table has no wall and is not declared shared',
  },
  tenant_ambiguous: {
    status: 400,
    retry: 'after_change',
    title: 'The credential is for several tenants: name one',
  },
  tenant_inactive: { status: 403, retry: 'later', title: 'The tenant is not active' },
  tenant_missing: { status: 400, retry: 'after_change', title: 'The request names no tenant' },
  tenant_not_found: { status: 404, retry: 'never', title: 'Not found' },
  transition_refused: { status: 409, retry: 'after_change', title: 'The tenant is in no state for this' },
  unauthenticated: { status: 401, retry: 'after_change', title: 'A valid credential is needed' },
  value_invalid: { status: 400, retry: 'after_change', title: 'A value is not valid' },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof errorTable;

/** Ids, names of fields, numbers and advice. Never rows, SQL text or credentials. */
export type ErrorDetail = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

/** The one error type. `code` decides status and title; `detail.hint` says what to do. */
export class BulkheadError extends Error {
  readonly code: ErrorCode;
  readonly detail: ErrorDetail;

  constructor(code: ErrorCode, detail: ErrorDetail = {}, options?: ErrorOptions) {
    const reason = detail['reason'] ?? detail['hint'];
    super(
      typeof reason === 'string' ? `${errorTable[code].title}: ${reason}` : errorTable[code].title,
      options,
    );
    this.name = code === 'scope_missing' ? 'TenantContextError' : 'BulkheadError';
    this.code = code;
    this.detail = detail;
  }

  get status(): number {
    return errorTable[this.code].status;
  }

  get retry(): Retry {
    return errorTable[this.code].retry;
  }
}

export function isBulkheadError(error: unknown, code?: ErrorCode): error is BulkheadError {
  return error instanceof BulkheadError && (code === undefined || error.code === code);
}

/** For states our own code must never reach. */
export function assertNever(value: never): never {
  throw new BulkheadError('internal', { reason: `unhandled case ${String(value)}` });
}
