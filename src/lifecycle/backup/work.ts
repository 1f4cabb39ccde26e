import { BulkheadError } from '../../core/errors.ts';
import { parseRowId } from '../../core/ids.ts';
import type { Backup } from '../../registry/registry.ts';
import { ensureBackupKey } from '../archive/backup-key.ts';
import { verifyArchive, type ArchiveFile, type VerifiedArchive } from '../archive/read.ts';
import type { SealingSecret } from '../archive/sealed-head.ts';
import { openStored } from '../archive/stored-file.ts';
import type { ArchiveDeps } from '../archive/work.ts';

/** Named by its own id and not by the tenant's: a listing of the folder tells nothing. */
export function backupBlob(id: string): string {
  return `backups/${id}`;
}

/** @throws not_found */
export async function readBackup({ registry }: ArchiveDeps, raw: string): Promise<Backup> {
  // Those of the schedule have ids of the database's making; both are UUIDs.
  const id = parseRowId(raw);
  const backup = id === undefined ? undefined : await registry.backups.read(id);
  if (backup === undefined) throw new BulkheadError('not_found');
  return backup;
}

/** @throws transition_refused for one that was never finished, or found damaged */
export function assertReady({ id, state }: Backup): void {
  if (state === 'ready') return;
  throw new BulkheadError('transition_refused', {
    backup: id,
    state,
    reason: state === 'damaged' ? 'the backup is damaged' : `the backup is ${state}, not ready`,
  });
}

export async function toBackupSecret(
  deps: ArchiveDeps,
  { tenant }: Pick<Backup, 'tenant'>,
): Promise<SealingSecret> {
  return { key: await ensureBackupKey(deps.registry.vault, tenant), how: { kind: 'tenant' } };
}

/** The archive inside, read wholly. @throws archive_refused where it is not what the registry knows */
export async function openBackup(
  deps: ArchiveDeps,
  backup: Backup,
  read: (count: number) => void = () => {},
): Promise<{ readonly file: ArchiveFile; readonly archive: VerifiedArchive }> {
  const { blobs, registry } = deps;
  if ((await blobs.stat(backupBlob(backup.id))) === undefined)
    throw new BulkheadError('archive_refused', { backup: backup.id, reason: 'its file is gone' });
  const { file } = await openStored({ blobs, vault: registry.vault }, backupBlob(backup.id));
  const archive = await verifyArchive(file, { own: registry.signer, others: [] }, read);
  const { head, sha256 } = archive.manifest;
  if (head.tenant !== backup.tenant || head.id !== backup.id)
    throw new BulkheadError('archive_refused', {
      backup: backup.id,
      reason: 'it is the backup of another tenant, or another backup',
    });
  if (backup.hash !== undefined && backup.hash !== sha256)
    throw new BulkheadError('archive_refused', {
      backup: backup.id,
      reason: 'it is not the one that was written',
    });
  return { file, archive };
}
