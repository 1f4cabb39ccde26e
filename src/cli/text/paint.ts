import { styleText } from 'node:util';

export type Style = 'good' | 'bad' | 'warn' | 'dim' | 'strong';
export type Paint = (style: Style, text: string) => string;

const formats = {
  good: 'green',
  bad: ['red', 'bold'],
  warn: 'yellow',
  dim: 'dim',
  strong: 'bold',
} as const satisfies Record<Style, Parameters<typeof styleText>[0]>;

/** Colours only where a person looks at them, and not with NO_COLOR (https://no-color.org). */
export function createPaint(
  stream: { readonly isTTY?: boolean },
  env: Readonly<Record<string, string | undefined>>,
): Paint {
  const refused = (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb';
  if (stream.isTTY !== true || refused) return (_, text) => text;
  return (style, text) => styleText(formats[style], text, { validateStream: false });
}

export const plain: Paint = (_, text) => text;
