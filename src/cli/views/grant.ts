import type { GrantView } from '../../client/schemas/umbrella.ts';
import type { Page } from '../output.ts';
import type { Cell } from '../text/table.ts';
import { toMoment } from '../text/when.ts';

function standing({ revokedAt, expiresAt }: GrantView, nowMs: number): Cell {
  if (revokedAt !== null) return { text: 'revoked', style: 'dim' };
  return Date.parse(expiresAt) <= nowMs
    ? { text: 'expired', style: 'dim' }
    : { text: 'valid', style: 'good' };
}

function toChild({ child }: GrantView): string {
  return child ?? 'all below';
}

export function grantFields(grant: GrantView, nowMs: number): readonly (readonly [string, Cell | string])[] {
  return [
    ['grant', grant.id],
    ['state', standing(grant, nowMs)],
    ['reader', grant.reader],
    ['reads', toChild(grant)],
    ['granted by', grant.grantedBy],
    ['expires', toMoment(grant.expiresAt)],
  ];
}

export function grantTable(page: Page, grants: readonly GrantView[], nowMs: number): string {
  return page.table(
    [
      { title: 'id' },
      { title: 'state' },
      { title: 'reader' },
      { title: 'reads' },
      { title: 'granted by', shrink: 'when_narrow' },
      { title: 'expires' },
    ],
    grants.map((grant) => [
      grant.id,
      standing(grant, nowMs),
      grant.reader,
      toChild(grant),
      grant.grantedBy,
      toMoment(grant.expiresAt),
    ]),
  );
}
