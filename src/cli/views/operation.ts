import type { z } from 'zod';
import type { OperationView } from '../../client/schemas/platform.ts';
import type { Page } from '../output.ts';
import type { Style } from '../text/paint.ts';
import type { Cell } from '../text/table.ts';
import { toDuration, toMoment } from '../text/when.ts';

export type ShownOperation = z.input<typeof OperationView>;

const styles: Record<ShownOperation['state'], Style> = {
  running: 'warn',
  done: 'good',
  failed: 'bad',
  rolled_back: 'bad',
  cancelled: 'dim',
};

function operationState(operation: ShownOperation): Cell {
  return { text: operation.state, style: styles[operation.state] };
}

export function operationFields(operation: ShownOperation): readonly (readonly [string, Cell | string])[] {
  const { startedAt, endedAt, failure } = operation;
  const took = endedAt === null ? '-' : toDuration(Date.parse(endedAt) - Date.parse(startedAt));
  return [
    ['id', operation.id],
    ['tenant', operation.tenant],
    ['kind', operation.kind],
    ['state', operationState(operation)],
    ['started', toMoment(startedAt)],
    ['took', took],
    ...operation.steps.map(({ name, at }): [string, string] => ['step', `${name}  ${toMoment(at)}`]),
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

export function operationTable(page: Page, operations: readonly ShownOperation[]): string {
  return page.table(
    [
      { title: 'id' },
      { title: 'kind' },
      { title: 'state' },
      { title: 'tenant' },
      { title: 'started' },
      { title: 'failure', shrink: 'when_narrow' },
    ],
    operations.map((operation) => [
      operation.id,
      operation.kind,
      operationState(operation),
      operation.tenant,
      toMoment(operation.startedAt),
      operation.failure === null ? '' : `${operation.failure.code} in ${operation.failure.step}`,
    ]),
  );
}
