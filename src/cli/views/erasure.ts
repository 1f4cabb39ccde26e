import type { z } from 'zod';
import type { ErasureView } from '../../client/schemas/leaving.ts';
import type { Page } from '../output.ts';
import type { Style } from '../text/paint.ts';
import type { Cell } from '../text/table.ts';
import { toSafeLine } from '../text/width.ts';
import { toMoment } from '../text/when.ts';

export type ShownErasure = z.input<typeof ErasureView>;
export type ShownHunt = NonNullable<ShownErasure['receipt']>['hunt'];

const styles: Record<ShownErasure['phase'], Style> = {
  none: 'dim',
  offboarding: 'warn',
  erasing: 'warn',
  partial: 'bad',
  complete: 'good',
  failed: 'bad',
};

export function drawErasure(page: Page, erasure: ShownErasure): string {
  const { phase, erasesAt, operation, failure, receipt, proof } = erasure;
  const head: readonly (readonly [string, Cell | string])[] = [
    ['erasure', { text: phase, style: styles[phase] }],
    ...(erasesAt === null ? [] : ([['erases', toMoment(erasesAt)]] as const)),
    ...(operation === null ? [] : ([['operation', operation]] as const)),
    ...(failure === null
      ? []
      : ([
          ['failure', { text: `${failure.code} in ${failure.step}: ${failure.reason}`, style: 'bad' }],
        ] as const)),
    ...(receipt === null
      ? []
      : ([
          ['tenant', `${receipt.slug} ${receipt.tenant}`],
          ['because', `${receipt.because.replace('_', ' ')}, by ${receipt.requestedBy}`],
          ['written', toMoment(receipt.writtenAt)],
          ['credentials', `${receipt.credentials.apiKeys} keys, ${receipt.credentials.secrets} secrets`],
        ] as const)),
    ...(proof === null ? [] : ([['sha256', proof.sha256]] as const)),
  ];
  const parts = [page.fields(head)];
  if (receipt !== null) {
    parts.push(placeTable(page, receipt.places), drawHunt(page, receipt.hunt));
    parts.push(
      'not covered:',
      ...receipt.notCovered.map((text) => page.paint('dim', toSafeLine(`  ${text}`))),
    );
  }
  return parts.join('\n');
}

type Places = NonNullable<ShownErasure['receipt']>['places'];

export function placeTable(page: Page, places: Places): string {
  const toCount = (n: number | null): string => (n === null ? '?' : String(n));
  return page.table(
    [
      { title: 'store' },
      { title: 'container' },
      { title: 'before' },
      { title: 'removed' },
      { title: 'after' },
      { title: 'problem' },
    ],
    places.map(({ compartment, container, before, removed, after, problem }) => [
      compartment,
      container,
      toCount(before),
      String(removed),
      toCount(after),
      problem === null ? '' : { text: problem, style: 'bad' },
    ]),
  );
}

export function drawHunt({ paint }: Page, { looked, found, notSeen }: ShownHunt): string {
  const where = `looked in ${looked.join(', ')}`;
  return [
    found.length === 0 ? paint('good', `nothing found; ${where}`) : `${where}; found:`,
    ...found.map(({ place, records, holds }) =>
      paint('bad', toSafeLine(`  ${place}: ${[`${records} records`, ...holds].join(', ')}`)),
    ),
    ...notSeen.map(({ place, reason }) => paint('warn', toSafeLine(`  ${place} was not seen: ${reason}`))),
  ].join('\n');
}
