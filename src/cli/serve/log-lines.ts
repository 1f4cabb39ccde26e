import type { Sink } from '../output.ts';
import type { Paint, Style } from '../text/paint.ts';
import { toSafeLine } from '../text/width.ts';

export interface LogSink {
  write(line: string): void;
}

const styles: Readonly<Record<string, Style>> = { fatal: 'bad', error: 'bad', warn: 'warn' };

/** JSON lines as they are for machines; on a terminal the same line, short enough to be read while it passes. */
export function toLogLines(stderr: Sink, paint: Paint): LogSink {
  if (stderr.isTTY !== true) return { write: (line) => void stderr.write(line) };
  return { write: (line) => void stderr.write(`${toReadable(line, paint)}\n`) };
}

function toReadable(line: string, paint: Paint): string {
  const { level, time, msg, event, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const style = styles[String(level)] ?? 'dim';
  const rest = Object.entries(fields).map(([name, value]) => `${name}=${toText(value)}`);
  const clock = typeof time === 'string' ? time.slice(11, 19) : '';
  const what = [msg, event].filter((part) => typeof part === 'string').join(' ');
  return `${paint('dim', clock)} ${paint(style, String(level).padEnd(5))} ${toSafeLine([what, ...rest].join(' '))}`;
}

function toText(value: unknown): string {
  if (typeof value === 'number') return Number.isInteger(value) ? value.toString() : value.toFixed(2);
  return typeof value === 'string' ? value : JSON.stringify(value);
}
