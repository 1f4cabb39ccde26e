import { BulkheadError, isBulkheadError } from '../../core/errors.ts';
import type { EraseReceipt } from '../../core/compartment.ts';
import type { TenantId } from '../../core/ids.ts';
import type { Plan } from '../../core/plan.ts';
import type { Actor } from '../../core/scope.ts';
import type { Tenant } from '../../core/tenant.ts';
import type { Backup, Operation } from '../../registry/registry.ts';
import { importStored } from '../archive/import.ts';
import { readLiveTenant, rereadOperation, type ArchiveDeps } from '../archive/work.ts';
import type { Backups, RestoreStatus } from '../backups.ts';
import { begin } from '../begin.ts';
import type { Moves } from '../moves.ts';
import { readMoveStatus } from '../move/status.ts';
import { backUpDue, beginBackup, runBackup } from './make.ts';
import { assertNotRestoring, readRestoreStatus, toRestoreInput, type RestoreAction } from './order.ts';
import { runConfirm, runDrill, runRollBack, runStage, runSwap, toRestoreWork } from './restore.ts';
import { assertReady, backupBlob, openBackup, readBackup } from './work.ts';

export interface BackupDeps extends ArchiveDeps {
  readonly moves: Pick<Moves, 'move' | 'confirmMove'>;
}

export interface BackupOperations extends Backups {
  /** Goes on with a backup, drill or restore that another process has begun. */
  readonly resumeBackup: (operation: Operation, actor: Actor) => Promise<void>;
}

const newestLookedAt = 100;

export function createBackups(deps: BackupDeps): BackupOperations {
  const { operations, registry, blobs } = deps;
  const { backups } = registry;

  const readPlan = async (tenant: Tenant): Promise<Plan> => {
    const plan = await registry.plans.read(tenant.plan);
    if (plan === undefined) throw new BulkheadError('plan_unknown', { plan: tenant.plan });
    return plan;
  };

  /** Everything that can stand in the way of a second place for the tenant, found before anything is written. */
  const readFree = async (id: TenantId): Promise<Tenant> => {
    const tenant = await readLiveTenant(deps, id);
    if (tenant.state === 'offboarding')
      throw new BulkheadError('transition_refused', {
        state: tenant.state,
        reason: 'a tenant that leaves is not restored; cancel its leaving first',
      });
    const { phase } = await readMoveStatus(operations, id);
    if (phase === 'unconfirmed')
      throw new BulkheadError('transition_refused', {
        tenant: id,
        reason: 'its last move is neither confirmed nor taken back',
      });
    await assertNotRestoring(operations, id);
    return tenant;
  };

  const readStaging = async (operation: Operation) => {
    const tenant = await readLiveTenant(deps, operation.tenant);
    const backup = await readBackup(deps, String(operation.input['backup']));
    return { tenant, plan: await readPlan(tenant), backup, operation };
  };

  const runRestore = async (operation: Operation, actor: Actor): Promise<void> => {
    const tenant = await readLiveTenant(deps, operation.tenant);
    const work = toRestoreWork(operation, tenant, actor);
    switch (work.order.action) {
      case 'stage':
        return await runStage(deps, await readStaging(operation));
      case 'swap':
        return await runSwap(deps, work);
      case 'confirm':
        return await runConfirm(deps, work);
      case 'roll_back':
        return await runRollBack(deps, work);
    }
  };

  /** One of the three things that follow a staging. */
  const follow = async (
    id: TenantId,
    next: {
      readonly action: Exclude<RestoreAction, 'stage'>;
      readonly after: readonly RestoreStatus['phase'][];
    },
    actor: Actor,
  ): Promise<Operation> => {
    const tenant = await readLiveTenant(deps, id);
    const status = await readRestoreStatus(operations, id);
    const { phase, backup, from, to } = status;
    if (!next.after.includes(phase) || backup === undefined)
      throw new BulkheadError('transition_refused', {
        tenant: id,
        reason:
          phase === 'none'
            ? 'nothing of it is being restored'
            : `its restore is ${phase}, not ${next.after.join(' or ')}`,
      });
    const staged = (await operations.list({ tenant: id, limit: 1_000 })).find(
      ({ kind, input }) => kind === 'restore' && input['action'] === 'stage',
    );
    const order = { action: next.action, backup, from, to, of: staged?.id };
    const input = { ...toRestoreInput(order), swapped: phase === 'swapped' };
    const operation = await begin(operations, { tenant: tenant.id, kind: 'restore', input }, actor);
    await runRestore(operation, actor);
    return await rereadOperation(deps, operation.id);
  };

  const latestReady = async (tenant: TenantId): Promise<Backup> => {
    const all = await backups.list({ tenant, limit: newestLookedAt });
    const latest = all.find(({ state }) => state === 'ready');
    if (latest === undefined) throw new BulkheadError('not_found', { reason: 'the tenant has no backup' });
    return latest;
  };

  return {
    beginBackup: (tenant, actor) => beginBackup(deps, tenant, actor),
    backUpDue: () => backUpDue(deps),

    async verifyBackup(id) {
      const backup = await readBackup(deps, id);
      if (backup.state !== 'damaged') assertReady(backup);
      try {
        await openBackup(deps, backup);
      } catch (cause) {
        if (isBulkheadError(cause, 'archive_refused')) await backups.verified(backup.id, 'damaged');
        throw cause;
      }
      await backups.verified(backup.id, 'ready');
      return await readBackup(deps, id);
    },

    async deleteBackup(id, actor) {
      const backup = await readBackup(deps, id);
      const running = await operations.list({ tenant: backup.tenant, state: 'running', limit: 1 });
      if (running.some(({ input }) => input['backup'] === backup.id))
        throw new BulkheadError('operation_in_progress', { tenant: backup.tenant });
      await blobs.remove(backupBlob(backup.id));
      await backups.remove(backup.id);
      registry.audit.record({
        tenant: backup.tenant,
        actor,
        action: 'backup.deleted',
        severity: 'info',
        requestId: undefined,
        detail: { backup: backup.id },
      });
    },

    async drill(id, actor) {
      const startedMs = deps.clock.monotonicMs();
      const tenant = await readFree(id);
      const backup = await latestReady(id);
      const input = { backup: backup.id };
      const operation = await begin(operations, { tenant: tenant.id, kind: 'drill', input }, actor);
      await runDrill(deps, { tenant, plan: await readPlan(tenant), backup, operation });
      return {
        backup: backup.id,
        tenant: id,
        operation: operation.id,
        records: backup.records ?? 0,
        durationMs: deps.clock.monotonicMs() - startedMs,
      };
    },

    async beginRestoreAs(id, wanted, actor) {
      const backup = await readBackup(deps, id);
      assertReady(backup);
      return await importStored(
        deps,
        { blob: backupBlob(backup.id), keep: 'always', wanted, trust: [] },
        actor,
      );
    },

    async beginRestore(id, actor) {
      const backup = await readBackup(deps, id);
      assertReady(backup);
      const tenant = await readFree(backup.tenant);
      const order = {
        action: 'stage',
        backup: backup.id,
        from: tenant.placements,
        to: [],
        of: undefined,
      } as const;
      const operation = await begin(
        operations,
        { tenant: tenant.id, kind: 'restore', input: toRestoreInput(order) },
        actor,
      );
      const ended = runRestore(operation, actor).then(() => readRestoreStatus(operations, tenant.id));
      ended.catch(() => undefined);
      return { operation, ended };
    },

    restoreOf: (tenant) => readRestoreStatus(operations, tenant),

    async swapRestore(id, actor) {
      await follow(id, { action: 'swap', after: ['staged'] }, actor);
      return await readRestoreStatus(operations, id);
    },

    async confirmRestore(id, actor) {
      const operation = await follow(id, { action: 'confirm', after: ['swapped'] }, actor);
      const status = await readRestoreStatus(operations, id);
      await goHome(deps, id, actor);
      return { ...status, erased: erasedBy(operation) };
    },

    async rollBackRestore(id, actor) {
      await follow(id, { action: 'roll_back', after: ['staged', 'swapped'] }, actor);
      return await readRestoreStatus(operations, id);
    },

    async resumeBackup(operation, actor) {
      if (operation.kind === 'backup') await runBackup(deps, operation);
      else if (operation.kind === 'drill') await runDrill(deps, await readStaging(operation));
      else await runRestore(operation, actor);
    },
  };
}

/** A tenant of a shared container was restored into one of its own; an ordinary move takes it back, while it works. */
async function goHome({ registry, moves }: BackupDeps, id: TenantId, actor: Actor): Promise<void> {
  const tenant = await registry.tenants.read(id);
  const isAway = tenant?.placements.some(({ isolation }) => isolation !== tenant.isolation) === true;
  if (tenant === undefined || !isAway) return;
  await moves.move({ tenant: id, isolation: tenant.isolation }, actor);
  await moves.confirmMove(id, actor);
}

function erasedBy({ steps }: Operation): Readonly<Record<string, EraseReceipt>> {
  return Object.fromEntries(
    steps.flatMap(({ name, result }) => {
      if (!name.startsWith('erase ') || typeof result !== 'object' || result === null) return [];
      const { removed, left, notCovered } = result as Record<string, unknown>;
      const receipt: EraseReceipt = {
        removed: BigInt(String(removed)),
        left: BigInt(String(left)),
        notCovered: Array.isArray(notCovered) ? notCovered.map(String) : [],
      };
      return [[name.slice('erase '.length), receipt] as const];
    }),
  );
}
