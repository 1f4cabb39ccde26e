import { BulkheadError, isBulkheadError } from '../../core/errors.ts';
import type { TenantId } from '../../core/ids.ts';
import type { Actor } from '../../core/scope.ts';
import { nextState, type Tenant } from '../../core/tenant.ts';
import type { Operation } from '../../registry/registry.ts';
import type { ErasureReason, ErasureStatus, Leaving, SignedReceipt } from '../leaving.ts';
import { runToEnd } from '../suspend.ts';
import { runErase } from './erase.ts';
import { hunt } from './hunt.ts';
import { replay, type EraseAgain } from './ledger.ts';
import { assertReinstatable, assertRetention, offboardSteps, reinstateSteps } from './offboard.ts';
import { findOrphans, removeOrphan } from './orphans.ts';
import { toSigned } from './receipt.ts';
import { parseReason, type LeaveDeps } from './work.ts';

export interface LeaveOperations extends Leaving {
  /** Goes on with an offboarding, its cancellation or an erasure that another process has begun. */
  readonly resumeLeaving: (operation: Operation) => Promise<void>;
}

const retention: Actor = { kind: 'system', id: 'retention' };
const dueAtATime = 20;

export function createLeaving(deps: LeaveDeps): LeaveOperations {
  const { registry, operations } = deps;

  const begin = async (
    wanted: { readonly tenant: Tenant; readonly because: ErasureReason },
    actor: Actor,
  ): Promise<{ readonly operation: Operation; readonly ended: Promise<SignedReceipt> }> => {
    const { tenant, because } = wanted;
    const operation = await operations.begin({ tenant: tenant.id, kind: 'erase', input: { because } }, actor);
    return { operation, ended: runErase(deps, toWork(operation, tenant)) };
  };

  const eraseAgain: EraseAgain = async ({ tenant: id }, actor) => {
    const tenant = await readTenant(deps, id);
    const { ended } = await begin({ tenant, because: 'came_back' }, actor);
    const { receipt } = await ended;
    if (receipt.state === 'partial')
      throw new BulkheadError('compartment_unreachable', { tenant: id, operation: receipt.operation });
  };

  const beginErase: Leaving['beginErase'] = async ({ tenant: id, confirm }, actor) => {
    const tenant = await readTenant(deps, id);
    if (confirm !== tenant.slug)
      throw new BulkheadError('value_invalid', {
        field: 'confirm',
        reason: 'it is not the slug of the tenant; nothing was erased',
      });
    // Refused before anything is journalled.
    if (tenant.state === 'deleted' || tenant.state === 'provisioning') nextState(tenant.state, 'offboarded');
    return await explaining(deps, id, begin({ tenant, because: 'requested' }, actor));
  };

  return {
    async offboard({ tenant: id, retentionDays }, actor) {
      assertRetention(retentionDays);
      const tenant = await readTenant(deps, id);
      nextState(tenant.state, 'offboarded');
      const input = { retentionDays: retentionDays ?? null };
      const beginning = operations.begin({ tenant: id, kind: 'offboard', input }, actor);
      const operation = await explaining(deps, id, beginning);
      await runToEnd(deps, operation, offboardSteps(deps, tenant, operation));
      return await readTenant(deps, id);
    },

    async reinstate(id, actor) {
      const tenant = await readTenant(deps, id);
      await assertReinstatable(deps, tenant);
      const beginning = operations.begin({ tenant: id, kind: 'reinstate', input: {} }, actor);
      const operation = await explaining(deps, id, beginning);
      await runToEnd(deps, operation, reinstateSteps(deps, tenant, actor));
      return await readTenant(deps, id);
    },

    beginErase,
    async erase(input, actor) {
      return await (
        await beginErase(input, actor)
      ).ended;
    },

    erasureOf: (id) => readStatus(deps, id),
    hunt: (id) => hunt(deps, id),

    async eraseDue() {
      let erased = 0;
      for (const id of await registry.erasures.due(dueAtATime)) {
        try {
          const tenant = await readTenant(deps, id);
          await (
            await begin({ tenant, because: 'retention_ended' }, retention)
          ).ended;
          erased += 1;
        } catch (cause) {
          // Another node was quicker, or somebody has cancelled it this moment.
          if (
            !isBulkheadError(cause, 'operation_in_progress') &&
            !isBulkheadError(cause, 'transition_refused')
          )
            deps.log({
              event: 'erasure.failed',
              tenant: id,
              code: isBulkheadError(cause) ? cause.code : 'internal',
            });
        }
      }
      return erased;
    },

    replayErasures: (depth) => replay(deps, depth, eraseAgain),
    async importErasures(erasures) {
      const taken = await registry.erasures.adopt(erasures);
      const replayed = await replay(deps, 'everywhere', eraseAgain);
      return { ...replayed, adopted: replayed.adopted + taken.length };
    },

    orphans: () => findOrphans(deps),
    removeOrphan: (container, actor) => removeOrphan(deps, container, actor),

    async resumeLeaving(operation) {
      const tenant = await readTenant(deps, operation.tenant);
      if (operation.kind === 'erase') await runErase(deps, toWork(operation, tenant));
      else if (operation.kind === 'offboard')
        await runToEnd(deps, operation, offboardSteps(deps, tenant, operation));
      else await runToEnd(deps, operation, reinstateSteps(deps, tenant, operation.actor));
    },
  };
}

function toWork(operation: Operation, { id, slug }: Tenant): Parameters<typeof runErase>[1] {
  return { operation, tenant: id, slug, because: parseReason(operation), actor: operation.actor };
}

async function readTenant({ registry }: LeaveDeps, id: TenantId): Promise<Tenant> {
  const tenant = await registry.tenants.read(id);
  if (tenant === undefined) throw new BulkheadError('tenant_not_found');
  return tenant;
}

/** Says what is in the way, so that whoever meets it knows whether to wait or to cancel. */
async function explaining<T>({ operations }: LeaveDeps, tenant: TenantId, beginning: Promise<T>): Promise<T> {
  try {
    return await beginning;
  } catch (cause) {
    if (!isBulkheadError(cause, 'operation_in_progress')) throw cause;
    const [running] = await operations.list({ tenant, state: 'running', limit: 1 });
    if (running === undefined) throw cause;
    throw new BulkheadError(
      'operation_in_progress',
      {
        tenant,
        operation: running.id,
        reason: `a ${running.kind} of this tenant is running since ${running.startedAt.toISOString()}`,
        hint: `wait for it, or look at it with: bulkhead operation show ${running.id}`,
      },
      { cause },
    );
  }
}

async function readStatus(deps: LeaveDeps, id: TenantId): Promise<ErasureStatus> {
  const { registry, operations } = deps;
  const { state, erasesAt } = await readTenant(deps, id);
  const all = await operations.list({ tenant: id, limit: 1_000 });
  const operation = all.find(({ kind }) => kind === 'erase');
  const stored = await registry.erasures.receipt(id);
  const receipt = stored === undefined ? undefined : toSigned(stored, registry.signer);
  const about = { erasesAt, operation, receipt };
  if (operation?.state === 'running') {
    const isPartial = receipt?.receipt.operation === operation.id && receipt.receipt.state === 'partial';
    return { phase: isPartial ? 'partial' : 'erasing', ...about };
  }
  if (receipt?.receipt.state === 'complete') return { phase: 'complete', ...about };
  if (state === 'offboarding') return { phase: 'offboarding', ...about };
  return { phase: operation?.state === 'failed' ? 'failed' : 'none', ...about };
}
