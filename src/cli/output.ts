import { createPaint, type Paint } from './text/paint.ts';
import { renderFields, renderTable, type Cell, type Column } from './text/table.ts';

export interface Sink {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): boolean;
}

export interface Streams {
  readonly stdout: Sink;
  readonly stderr: Sink;
}

export type Format = 'human' | 'json';

/** Draws for people. */
export interface Page {
  readonly paint: Paint;
  table(columns: readonly Column[], rows: readonly (readonly (Cell | string)[])[]): string;
  fields(fields: readonly (readonly [string, Cell | string])[]): string;
}

/**
 * Where a command says things. The result goes to stdout and is the only thing there, so that it can be piped;
 * everything about the work itself goes to stderr.
 */
export interface Output {
  readonly format: Format;
  readonly page: Page;
  readonly stderr: Sink;
  /** The result, once: `value` as JSON, or what `human` draws of it. */
  result(value: unknown, human: (page: Page) => string): void;
  /** The result of a part that renders itself, in either format. */
  print(text: string): void;
  /** For people who watch; silent with --json. */
  note(text: string): void;
  /** Only with --verbose. */
  detail(text: string): void;
}

export function createOutput(options: {
  readonly streams: Streams;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly format: Format;
  readonly verbosity: 'normal' | 'verbose';
}): Output {
  const { stdout, stderr } = options.streams;
  const paint = createPaint(stdout, options.env);
  const look = { paint, width: stdout.isTTY === true ? stdout.columns : undefined };
  const page: Page = {
    paint,
    table: (columns, rows) => renderTable(columns, rows, look),
    fields: (fields) => renderFields(fields, look),
  };
  const say = (text: string): void => void stderr.write(`${text}\n`);
  return {
    format: options.format,
    page,
    stderr,
    result(value, human) {
      const text = options.format === 'json' ? JSON.stringify(value, null, 2) : human(page);
      if (text !== '') stdout.write(`${text}\n`);
    },
    print: (text) => void stdout.write(text),
    note(text) {
      if (options.format === 'human') say(text);
    },
    detail(text) {
      if (options.verbosity === 'verbose') say(createPaint(stderr, options.env)('dim', text));
    },
  };
}
