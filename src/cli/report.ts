import { errorTable, isBulkheadError, type BulkheadError } from '../core/errors.ts';
import { adviceFor } from './advice.ts';
import { exitCodes, toExit } from './exit.ts';
import { cliFailures, isCliFailure } from './failure.ts';
import type { Format, Sink } from './output.ts';
import { createPaint } from './text/paint.ts';
import { toSafeLine } from './text/width.ts';
import type { Env } from './session.ts';

interface FieldProblem {
  readonly field: string;
  readonly reason: string;
}

/** An error as --json prints it, on stderr. Documented in docs/reference/cli.md. */
export interface ErrorReport {
  readonly error: {
    readonly code: string;
    readonly title: string;
    /** What happened, where the title does not say it all. */
    readonly detail?: string;
    /** Which fields of the input are wrong. */
    readonly fields?: readonly FieldProblem[];
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
    ...toFields(error, field),
    hint: typeof hint === 'string' ? hint : adviceFor(error.code, error.retry),
    ...(typeof requestId === 'string' ? { requestId } : {}),
  };
}

/** All of them where the parser of the input named several; it hands them over in the cause. */
function toFields(error: BulkheadError, field: unknown): { readonly fields?: readonly FieldProblem[] } {
  const cause = error.cause as { readonly fields?: readonly FieldProblem[] } | undefined;
  const [first] = cause?.fields ?? [];
  if (cause?.fields !== undefined && first !== undefined) return { fields: cause.fields };
  return typeof field === 'string' ? { fields: [{ field, reason: error.message }] } : {};
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
  const { title, detail, fields = [], hint, requestId } = report.error;
  const [only, ...more] = fields;
  const about = only === undefined || more.length > 0 ? [title, detail] : [title, only.field, detail];
  const what = about.filter((part) => part !== undefined).join(': ');
  stderr.write(`${paint('bad', 'error')} ${toSafeLine(what)}\n`);
  if (more.length > 0)
    for (const { field, reason } of fields) stderr.write(`      ${toSafeLine(`${field}: ${reason}`)}\n`);
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
