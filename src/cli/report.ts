import { errorTable, isBulkheadError, type BulkheadError } from '../core/errors.ts';
import { adviceFor } from './advice.ts';
import { exitCodes, toExit } from './exit.ts';
import { cliFailures, isCliFailure } from './failure.ts';
import type { Format, Sink } from './output.ts';
import { createPaint } from './text/paint.ts';
import { toSafeLine } from './text/width.ts';
import type { Env } from './session.ts';

/** An error as --json prints it, on stderr. Documented in docs/reference/cli.md. */
export interface ErrorReport {
  readonly error: {
    readonly code: string;
    readonly title: string;
    /** What happened, where the title does not say it all. */
    readonly detail?: string;
    /** Which field of the input is meant. */
    readonly field?: string;
    readonly hint: string;
    readonly requestId?: string;
    readonly exitCode: number;
  };
}

export function toReport(error: unknown): ErrorReport {
  const exitCode = exitCodes[toExit(error)].code;
  if (isCliFailure(error)) {
    const { title } = cliFailures[error.code];
    const detail = error.reason === undefined ? {} : { detail: error.reason };
    return { error: { code: error.code, title, ...detail, hint: error.hint, exitCode } };
  }
  if (isBulkheadError(error)) return { error: { ...toBulkheadReport(error), exitCode } };
  return {
    error: {
      code: 'internal',
      title: errorTable.internal.title,
      detail: error instanceof Error ? error.message : String(error),
      hint: adviceFor('internal', 'later'),
      exitCode,
    },
  };
}

function toBulkheadReport(error: BulkheadError): Omit<ErrorReport['error'], 'exitCode'> {
  const { title } = errorTable[error.code];
  const { reason, hint, field, requestId, file, line } = error.detail;
  const place = typeof file === 'string' ? `${file}:${String(line ?? 1)}: ` : '';
  return {
    code: error.code,
    title,
    ...(typeof reason === 'string' ? { detail: place + reason } : {}),
    ...(typeof field === 'string' ? { field } : {}),
    hint: typeof hint === 'string' ? hint : adviceFor(error.code, error.retry),
    ...(typeof requestId === 'string' ? { requestId } : {}),
  };
}

export interface ReportOptions {
  readonly format: Format;
  readonly env: Env;
  readonly verbosity: 'normal' | 'verbose';
}

/** Says on stderr what went wrong and what to do about it. */
export function printReport(stderr: Sink, error: unknown, options: ReportOptions): void {
  const report = toReport(error);
  if (options.format === 'json') {
    stderr.write(`${JSON.stringify(report)}\n`);
    return;
  }
  const paint = createPaint(stderr, options.env);
  const { title, detail, field, hint, requestId } = report.error;
  const what = [title, field, detail].filter((part) => part !== undefined).join(': ');
  stderr.write(`${paint('bad', 'error')} ${toSafeLine(what)}\n`);
  stderr.write(`${paint('strong', 'to do')} ${toSafeLine(hint)}\n`);
  if (requestId !== undefined) stderr.write(paint('dim', `request id ${requestId}\n`));
  if (options.verbosity === 'verbose') stderr.write(paint('dim', `${causes(error)}\n`));
}

/** The chain of causes with their stacks, for --verbose only: they name our parts. */
function causes(error: unknown): string {
  const parts: string[] = [];
  for (let each = error; each instanceof Error; each = each.cause) parts.push(each.stack ?? each.message);
  return parts.join('\ncaused by: ');
}
