import type { z } from 'zod';
import type { BackupView, RestoreView } from '../../client/schemas/archives.ts';
import type { Page } from '../output.ts';
import type { Style } from '../text/paint.ts';
import type { Cell } from '../text/table.ts';
import { toMoment } from '../text/when.ts';

export type ShownBackup = z.input<typeof BackupView>;
export type ShownRestore = z.input<typeof RestoreView>;

const styles: Record<ShownBackup['state'], Style> = {
  writing: 'warn',
  ready: 'good',
  damaged: 'bad',
  failed: 'bad',
};

const at = (moment: string | null): string => (moment === null ? 'never' : toMoment(moment));

export function backupFields(backup: ShownBackup): readonly (readonly [string, Cell | string])[] {
  const { id, tenant, state, reason, records, sizeBytes, createdAt, verifiedAt, drilledAt, failure } = backup;
  return [
    ['id', id],
    ['tenant', tenant],
    ['state', { text: state, style: styles[state] }],
    ['made for', reason],
    ['records', String(records ?? '-')],
    ['bytes', String(sizeBytes ?? '-')],
    ['created', toMoment(createdAt)],
    ['verified', at(verifiedAt)],
    ['last drill', at(drilledAt)],
    ...(failure === null ? [] : [['failure', { text: failure.reason, style: 'bad' }] as const]),
  ];
}

export function backupTable(page: Page, backups: readonly ShownBackup[]): string {
  return page.table(
    [
      { title: 'id' },
      { title: 'tenant' },
      { title: 'state' },
      { title: 'records', align: 'right' },
      { title: 'bytes', align: 'right' },
      { title: 'created' },
      { title: 'verified' },
      { title: 'last drill' },
    ],
    backups.map(({ id, tenant, state, records, sizeBytes, createdAt, verifiedAt, drilledAt }) => [
      id,
      tenant,
      { text: state, style: styles[state] },
      String(records ?? '-'),
      String(sizeBytes ?? '-'),
      toMoment(createdAt),
      at(verifiedAt),
      at(drilledAt),
    ]),
  );
}

export function restoreText(page: Page, restore: ShownRestore): string {
  const { phase, backup, differences, untouched, failure } = restore;
  const fields = page.fields([
    ['restore', { text: phase, style: phase === 'failed' ? 'bad' : 'warn' }],
    ['backup', backup ?? '-'],
    ...untouched.map((kind): [string, string] => [
      kind,
      'stays as it is; restore into a new tenant to have it',
    ]),
    ...(failure === null ? [] : [['failure', { text: failure.reason, style: 'bad' }] as const]),
  ]);
  const differing = differences.filter(({ isEqual }) => !isEqual);
  if (phase !== 'staged') return fields;
  if (differing.length === 0) return `${fields}\n\nThe backup and the tenant are equal.`;
  const table = page.table(
    [
      { title: 'set' },
      { title: 'now', align: 'right' },
      { title: 'backup', align: 'right' },
      { title: 'comes back', align: 'right' },
      { title: 'goes', align: 'right' },
      { title: 'changes', align: 'right' },
    ],
    differing.map(({ compartment, set, now, backup: then, added, removed, changed }) => [
      `${compartment} ${set}`,
      String(now),
      String(then),
      String(added ?? '?'),
      String(removed ?? '?'),
      String(changed ?? '?'),
    ]),
  );
  return `${fields}\n\n${table}`;
}
