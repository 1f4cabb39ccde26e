/** What only the command line can run into. Everything else is a `BulkheadError`. */
export const cliFailures = {
  usage_invalid: { title: 'The command line is not valid', exit: 'usage' },
  server_unreachable: { title: 'The server does not answer', exit: 'unreachable' },
  database_unreachable: { title: 'The database does not answer', exit: 'unreachable' },
  address_in_use: { title: 'The address is in use', exit: 'conflict' },
  address_refused: { title: 'The address cannot be used', exit: 'failed' },
  token_missing: { title: 'No operator token was found', exit: 'failed' },
  token_refused: { title: 'The server does not accept this operator token', exit: 'failed' },
  needs_database: { title: 'This command needs the database itself', exit: 'failed' },
  file_unreadable: { title: 'The file cannot be read', exit: 'not_found' },
  interrupted: { title: 'Stopped before the end', exit: 'failed' },
} as const;

export type CliFailureCode = keyof typeof cliFailures;

/** `reason` says what happened, `hint` what to do about it. */
export class CliFailure extends Error {
  readonly code: CliFailureCode;
  readonly reason: string | undefined;
  readonly hint: string;

  constructor(
    code: CliFailureCode,
    explanation: { readonly reason?: string; readonly hint: string },
    options?: ErrorOptions,
  ) {
    super(explanation.reason ?? cliFailures[code].title, options);
    this.name = 'CliFailure';
    this.code = code;
    this.reason = explanation.reason;
    this.hint = explanation.hint;
  }
}

export function isCliFailure(error: unknown, code?: CliFailureCode): error is CliFailure {
  return error instanceof CliFailure && (code === undefined || error.code === code);
}
