import type { z } from 'zod';
import type { MoveView } from '../../client/schemas/moves.ts';
import type { Style } from '../text/paint.ts';
import type { Cell } from '../text/table.ts';
import { toDuration } from '../text/when.ts';

export type ShownMove = z.input<typeof MoveView>;

const styles: Record<ShownMove['phase'], Style> = {
  none: 'dim',
  planned: 'dim',
  moving: 'warn',
  unconfirmed: 'warn',
  confirmed: 'good',
  rolled_back: 'good',
  failed: 'bad',
};

type Field = readonly [string, Cell | string];

export function moveFields(move: ShownMove): readonly Field[] {
  const { phase, from, to, plan, receipt, erased, failure } = move;
  const places = (all: ShownMove['from']): string => all.map(({ container }) => container).join(', ') || '-';
  return [
    ['move', { text: phase, style: styles[phase] }],
    ['from', places(from)],
    ['to', places(to)],
    ...(plan === null ? [] : planFields(plan)),
    ...(receipt === null
      ? []
      : ([
          ['rows', String(receipt.rows)],
          ['took', toDuration(receipt.durationMs)],
          ['writes paused', `${receipt.writePauseMs} ms`],
        ] as const)),
    ...Object.entries(erased ?? {}).map(([kind, { removed, left }]): Field => [
      `erased ${kind}`,
      `${removed} rows, ${left} left`,
    ]),
    ...(failure === null
      ? []
      : [
          [
            'failure',
            { text: `${failure.code} in ${failure.step}: ${failure.reason}`, style: 'bad' },
          ] as const,
        ]),
  ];
}

function planFields(plan: NonNullable<ShownMove['plan']>): readonly Field[] {
  return [
    ['rows', String(plan.rows)],
    ['bytes', String(plan.sizeBytes)],
    ['time', `about ${toDuration(plan.estimatedMs)}`],
    ...plan.risks.map((risk): Field => ['risk', { text: risk, style: 'warn' }]),
    ...plan.refusals.map((refusal): Field => ['refused', { text: refusal, style: 'bad' }]),
  ];
}
