import type { Bulkhead } from '../../bulkhead.ts';
import type { BackupView, RestoreView } from '../../client/schemas/archives.ts';
import { BulkheadError } from '../../core/errors.ts';
import { parseRowId, type TenantId } from '../../core/ids.ts';
import type { Placement } from '../../core/placement.ts';
import type { RestoreStatus } from '../../lifecycle/backups.ts';
import type { Backup } from '../../registry/registry.ts';
import { toIso } from '../views.ts';
import { toMakingView } from './archives.ts';
import { findTenant } from './find-tenant.ts';
import type { OperatorHandlers } from './handler.ts';

type BackupHandlers = Pick<
  OperatorHandlers,
  | 'createBackup'
  | 'listBackups'
  | 'getBackup'
  | 'verifyBackup'
  | 'deleteBackup'
  | 'restoreBackupAs'
  | 'restoreBackup'
  | 'getRestore'
  | 'swapRestore'
  | 'confirmRestore'
  | 'rollBackRestore'
  | 'drillBackup'
>;

export function createBackupHandlers({ registry, lifecycle }: Bulkhead): BackupHandlers {
  const idOf = async (named: string): Promise<TenantId> => (await findTenant(registry.tenants, named)).id;
  return {
    async createBackup({ params }, actor) {
      const { backup, operation } = await lifecycle.beginBackup(await idOf(params.tenant), actor);
      return { backup: toBackupView(backup), operation: operation.id };
    },
    async listBackups({ query }) {
      const tenant = query.tenant === undefined ? undefined : await idOf(query.tenant);
      return { items: (await registry.backups.list({ tenant, limit: query.limit })).map(toBackupView) };
    },
    async getBackup({ params }) {
      const id = parseRowId(params.backup);
      const backup = id === undefined ? undefined : await registry.backups.read(id);
      if (backup === undefined) throw new BulkheadError('not_found');
      return toBackupView(backup);
    },
    verifyBackup: async ({ params }) => toBackupView(await lifecycle.verifyBackup(params.backup)),
    deleteBackup: ({ params }, actor) => lifecycle.deleteBackup(params.backup, actor),
    restoreBackupAs: async ({ params, body }, actor) =>
      toMakingView(await lifecycle.beginRestoreAs(params.backup, body, actor)),
    async restoreBackup({ params }, actor) {
      const { operation } = await lifecycle.beginRestore(params.backup, actor);
      return toRestoreView(await lifecycle.restoreOf(operation.tenant));
    },
    getRestore: async ({ params }) => toRestoreView(await lifecycle.restoreOf(await idOf(params.tenant))),
    swapRestore: async ({ params }, actor) =>
      toRestoreView(await lifecycle.swapRestore(await idOf(params.tenant), actor)),
    confirmRestore: async ({ params }, actor) =>
      toRestoreView(await lifecycle.confirmRestore(await idOf(params.tenant), actor)),
    rollBackRestore: async ({ params }, actor) =>
      toRestoreView(await lifecycle.rollBackRestore(await idOf(params.tenant), actor)),
    async drillBackup({ params }, actor) {
      const { durationMs, ...receipt } = await lifecycle.drill(await idOf(params.tenant), actor);
      return { ...receipt, durationMs: Math.round(durationMs) };
    },
  };
}

function toBackupView(backup: Backup): BackupView {
  const { id, tenant, state, reason, records, sizeBytes, createdAt, failure } = backup;
  return {
    id,
    tenant,
    state,
    reason,
    records: records ?? null,
    sizeBytes: sizeBytes ?? null,
    createdAt: createdAt.toISOString(),
    readyAt: toIso(backup.readyAt),
    verifiedAt: toIso(backup.verifiedAt),
    drilledAt: toIso(backup.drilledAt),
    failure: failure === undefined ? null : { ...failure },
  };
}

function toRestoreView(status: RestoreStatus): RestoreView {
  const { phase, backup, operation, from, to, differences, untouched } = status;
  return {
    phase,
    backup: backup ?? null,
    operation: operation?.id ?? null,
    from: toPlaces(from),
    to: toPlaces(to),
    differences: differences.map((each) => ({ ...each })),
    untouched: [...untouched],
    progress: operation?.progress === undefined ? null : { ...operation.progress },
    failure: operation?.failure === undefined ? null : { ...operation.failure },
  };
}

function toPlaces(placements: readonly Placement[]): RestoreView['from'] {
  return placements.map(({ compartment, isolation, container }) => ({ compartment, isolation, container }));
}
