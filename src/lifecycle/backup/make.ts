import { BulkheadError, isBulkheadError } from '../../core/errors.ts';
import { newUuid7, type TenantId } from '../../core/ids.ts';
import type { Actor } from '../../core/scope.ts';
import type { Backup, Operation } from '../../registry/registry.ts';
import { exportBlob } from '../archive/export.ts';
import { endFailed, readLiveTenant, resultOf, type ArchiveDeps } from '../archive/work.ts';
import { writingSteps } from '../archive/write-stored.ts';
import type { ArchiveReceipt } from '../archives.ts';
import { begin } from '../begin.ts';
import { runSteps, toFailure } from '../journal.ts';
import { backupBlob, readBackup, toBackupSecret } from './work.ts';

const schedule: Actor = { kind: 'system', id: 'schedule' };
/** At a time and node, so that a thousand tenants of one hour are made one after another. */
const dueAtOnce = 1;

export async function beginBackup(
  deps: ArchiveDeps,
  id: TenantId,
  actor: Actor,
): Promise<{ readonly backup: Backup; readonly operation: Operation; readonly ended: Promise<Backup> }> {
  const { backups } = deps.registry;
  const tenant = await readLiveTenant(deps, id);
  const input = { backup: newUuid7() };
  const operation = await begin(deps.operations, { tenant: tenant.id, kind: 'backup', input }, actor);
  const backup = await backups.add({ id: input.backup, tenant: tenant.id, reason: 'request' });
  const ended = runBackup(deps, operation);
  // Whoever does not wait for it finds its end in the list.
  ended.catch(() => undefined);
  return { backup, operation, ended };
}

/** One after another; one that fails is in the list, and the others go on. */
export async function backUpDue(deps: ArchiveDeps): Promise<number> {
  const { backups } = deps.registry;
  let made = 0;
  for (;;) {
    const [due] = await backups.claimDue(dueAtOnce);
    if (due === undefined) return made;
    let operation: Operation;
    try {
      operation = await begin(
        deps.operations,
        { tenant: due.tenant, kind: 'backup', input: { backup: due.id } },
        schedule,
      );
    } catch (cause) {
      const { code, reason } = toFailure(cause);
      // Something else is being done to the tenant: it is due again in a quarter of an hour.
      await backups.failed(
        due.id,
        isBulkheadError(cause) ? { code: cause.code, reason: cause.message } : { code, reason },
      );
      continue;
    }
    await runBackup(deps, operation).then(
      () => (made += 1),
      () => undefined,
    );
  }
}

/** @throws what the failing step threw, after the file is removed and the entry says so */
export async function runBackup(deps: ArchiveDeps, operation: Operation): Promise<Backup> {
  const { backups } = deps.registry;
  const id = String(operation.input['backup']);
  const blob = backupBlob(id);
  try {
    const tenant = await readLiveTenant(deps, operation.tenant);
    // The process may have died before it wrote the entry.
    if ((await backups.read(id)) === undefined)
      await backups.add({ id, tenant: tenant.id, reason: 'request' });
    const secret = await toBackupSecret(deps, { tenant: tenant.id });
    const writing = writingSteps(deps, { tenant, operation, id, blob, secret });
    let receipt = resultOf(operation, 'verify') as ArchiveReceipt | undefined;
    await runSteps(deps, operation, [
      ...writing.map((step) => ({
        ...step,
        run: async () => (receipt = (await step.run()) as ArchiveReceipt),
      })),
      {
        name: 'record',
        run: async () => {
          if (receipt === undefined)
            throw new BulkheadError('internal', { reason: 'recorded before written' });
          await backups.ready(id, receipt);
        },
      },
      { name: 'retain', run: () => dropExpired(deps, tenant.id) },
    ]);
  } catch (cause) {
    return await endFailed(deps, { operation, cause }, async () => {
      const { code, reason } = toFailure(cause);
      const known = await backups.read(id);
      if (known?.state === 'ready') return;
      await deps.blobs.remove(blob);
      await backups.failed(id, { code, reason });
    });
  }
  await deps.operations.end(operation.id, { state: 'done' });
  return await readBackup(deps, id);
}

/** Files of a tenant that is erased: of its backups, and of exports that were not taken away yet. */
export async function dropArchives(
  { registry, blobs }: Pick<ArchiveDeps, 'registry' | 'blobs'>,
  tenant: TenantId,
): Promise<{ readonly dropped: number }> {
  const { backups, operations } = registry;
  const made = await backups.list({ tenant, limit: 10_000 });
  for (const { id } of made) await blobs.remove(backupBlob(id));
  const exported = (await operations.list({ tenant, limit: 1_000 })).filter(({ kind }) => kind === 'export');
  for (const { id } of exported) await blobs.remove(exportBlob(id));
  return { dropped: made.length + exported.length };
}

async function dropExpired(deps: ArchiveDeps, tenant: TenantId): Promise<{ readonly dropped: number }> {
  const { backups } = deps.registry;
  const expired = await backups.expired(tenant);
  for (const { id } of expired) {
    await deps.blobs.remove(backupBlob(id));
    await backups.remove(id);
  }
  return { dropped: expired.length };
}
