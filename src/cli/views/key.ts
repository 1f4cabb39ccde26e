import type { IssuedKeyView, KeyView } from '../../client/schemas/keys.ts';
import type { Page } from '../output.ts';
import type { Cell } from '../text/table.ts';
import { toMoment } from '../text/when.ts';

function standing(key: KeyView, nowMs: number): Cell {
  if (key.revokedAt !== null) return { text: 'revoked', style: 'dim' };
  if (key.expiresAt !== null && Date.parse(key.expiresAt) <= nowMs) return { text: 'expired', style: 'dim' };
  if (key.replacedBy !== null) return { text: 'replaced', style: 'warn' };
  return { text: 'valid', style: 'good' };
}

export function keyTable(page: Page, keys: readonly KeyView[], nowMs: number): string {
  return page.table(
    [
      { title: 'id' },
      { title: 'name', shrink: 'when_narrow' },
      { title: 'state' },
      { title: 'created' },
      { title: 'expires' },
      { title: 'last used' },
    ],
    keys.map((key) => [
      key.id,
      key.name,
      standing(key, nowMs),
      toMoment(key.createdAt),
      toMoment(key.expiresAt),
      toMoment(key.lastUsedAt),
    ]),
  );
}

/** The one time the key is shown. */
export function issuedKey(page: Page, issued: IssuedKeyView): string {
  return [
    page.fields([
      ['key', { text: issued.key, style: 'strong' }],
      ['id', issued.id],
      ['name', issued.name],
      ['expires', issued.expiresAt === null ? 'never' : toMoment(issued.expiresAt)],
    ]),
    page.paint('warn', 'Keep it now: it is not shown again.'),
  ].join('\n');
}
