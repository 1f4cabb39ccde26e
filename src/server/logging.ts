import { pino } from 'pino';
import type { DestinationStream, LogFn, Logger, LoggerOptions } from 'pino';
import { isBulkheadError } from '../core/errors.ts';
import { peekScope } from '../core/scope.ts';

export type { Logger };

/** Names whose values are never written, wherever they turn up in a line. A second belt: nothing of ours logs them. */
const secretNames: ReadonlySet<string> = new Set([
  'authorization',
  'x-api-key',
  'cookie',
  'key',
  'secret',
  'token',
  'password',
  'url',
  'email',
  'title',
  'content',
  'metadata',
  'body',
]);

const redacted = '[redacted]';
const maxDepth = 4;

/**
 * JSON lines. Inside a scope every line names its tenant, request and actor, whoever writes it.
 * @param destination default: standard output
 */
export function createLogger(level: string, destination?: DestinationStream): Logger {
  const options: LoggerOptions = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }), log: (line) => withoutSecrets(line, maxDepth) },
    mixin: scopeFields,
    serializers: { err: (error: unknown) => toSafeError(error) },
    hooks: { logMethod: withOwnWords },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}

/** A line about an error that has no words of its own would be given the error's: those are what must not be written. */
function withOwnWords(this: Logger, args: Parameters<LogFn>, write: LogFn): void {
  const [first, message] = args;
  const isError = first instanceof Error;
  if (message === undefined && (isError || (typeof first === 'object' && first !== null && 'err' in first)))
    write.call(this, isError ? { err: first } : first, 'error');
  else write.apply(this, args);
}

/** Not pino's own redaction: it clones each line, and costs more than writing it. */
function withoutSecrets(fields: Record<string, unknown>, levelsLeft: number): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields))
    kept[name] = secretNames.has(name.toLowerCase()) ? redacted : toPrintable(value, levelsLeft - 1);
  return kept;
}

function toPrintable(value: unknown, levelsLeft: number): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Error || value instanceof Date)
    return value;
  if (levelsLeft === 0) return '[deeper]';
  return Array.isArray(value)
    ? value.map((member) => toPrintable(member, levelsLeft - 1))
    : withoutSecrets(value as Record<string, unknown>, levelsLeft);
}

function scopeFields(): Record<string, unknown> {
  const scope = peekScope();
  return scope === undefined
    ? {}
    : { tenant_id: scope.tenantId, request_id: scope.requestId, actor: scope.actor.id };
}

export interface SafeError {
  readonly type: string;
  readonly code: string | undefined;
  readonly at: readonly string[];
  readonly cause: SafeError | undefined;
}

const CODE = /^[A-Za-z0-9_]{2,40}$/;
const FRAME = /^\s+at /;
const maxFrames = 12;
const maxCauses = 4;

/**
 * An error without its words: a message may hold a row, a name or a password that some library put there.
 * Type, code and stack say where to look.
 */
export function toSafeError(error: unknown, causesLeft = maxCauses): SafeError {
  if (!(error instanceof Error)) return { type: typeof error, code: undefined, at: [], cause: undefined };
  return {
    type: CODE.test(error.name) ? error.name : 'Error',
    code: toCode(error),
    at: toFrames(error),
    cause:
      error.cause === undefined || causesLeft === 0 ? undefined : toSafeError(error.cause, causesLeft - 1),
  };
}

function toCode(error: Error): string | undefined {
  if (isBulkheadError(error)) return error.code;
  const { sqlState, code } = error as { sqlState?: unknown; code?: unknown };
  return [sqlState, code].find((value): value is string => typeof value === 'string' && CODE.test(value));
}

/** The message stands in the stack before the first frame, and may itself have several lines. */
function toFrames(error: Error): readonly string[] {
  const text = (error.stack ?? '').replace(error.message, '');
  return text
    .split('\n')
    .filter((line) => FRAME.test(line))
    .slice(0, maxFrames)
    .map((line) => line.trim());
}
