import type { Clock } from '../core/clock.ts';
import type { Compartment } from '../core/compartment.ts';
import { BulkheadError } from '../core/errors.ts';
import type { TenantId } from '../core/ids.ts';
import type { Actor } from '../core/scope.ts';
import { nextState, type Tenant } from '../core/tenant.ts';
import type { Operation, Registry } from '../registry/registry.ts';
import { createArchives } from './archive/create-archives.ts';
import { noArchives, type ArchiveSurroundings } from './archive/work.ts';
import { createBackups } from './backup/create-backups.ts';
import { dropArchives } from './backup/make.ts';
import { createBackfill } from './backfill.ts';
import { begin } from './begin.ts';
import { parseNewTenant } from './input.ts';
import type { Checkpoint } from './journal.ts';
import type { Lifecycle } from './lifecycle.ts';
import { createLeaving } from './leave/create-leaving.ts';
import type { LedgerCopy, Search } from './leave/work.ts';
import { createMoves } from './move/create-moves.ts';
import { provision } from './provision.ts';
import { Starters } from './starter.ts';
import { resumeSteps, runToEnd, suspendSteps } from './suspend.ts';

export interface LifecycleDeps {
  readonly registry: Registry;
  readonly compartments: readonly Compartment[];
  readonly clock: Clock;
  /** Where templates for new tenants are; undefined = there are none. */
  readonly templatesDir?: string | undefined;
  readonly checkpoint?: Checkpoint;
  /** Where else than in compartments something of a tenant may lie. */
  readonly searches?: readonly Search[];
  /** Default: none is kept. */
  readonly ledgerCopy?: LedgerCopy;
  readonly log?: (event: Readonly<Record<string, unknown>>) => void;
  /** Default: none can be written. */
  readonly archives?: ArchiveSurroundings;
}

const noCopy: LedgerCopy = { read: async () => [], append: async () => {} };

const recovery: Actor = { kind: 'system', id: 'recovery' };

/** Far longer than the two statements between a tenant's row and its operation's. */
const unbegunMs = 60_000;
const unbegunAtATime = 100;

/** Tenants whose process died before their provisioning was journalled: nothing was placed, and nobody was told. */
async function dropUnbegun(registry: Registry, clock: Clock): Promise<number> {
  const { tenants } = await registry.tenants.list({ state: 'provisioning', limit: unbegunAtATime });
  let dropped = 0;
  for (const { id, createdAt, placements } of tenants) {
    if (clock.nowMs() - createdAt.getTime() < unbegunMs || placements.length > 0) continue;
    const [operation] = await registry.operations.list({ tenant: id, limit: 1 });
    if (operation !== undefined) continue;
    await registry.tenants.transition(id, 'erased', recovery);
    dropped += 1;
  }
  return dropped;
}

export function createLifecycle(options: LifecycleDeps): Lifecycle {
  const { registry, clock } = options;
  const deps = {
    registry,
    compartments: options.compartments,
    operations: registry.operations,
    starters: new Starters(options.templatesDir),
    checkpoint: options.checkpoint ?? (async () => {}),
  };

  const { resumeMove, ...moves } = createMoves({ ...deps, clock });
  const archiveDeps = { ...deps, clock, ...(options.archives ?? noArchives) };
  const { resumeLeaving, ...leaving } = createLeaving({
    ...deps,
    searches: options.searches ?? [],
    ledgerCopy: options.ledgerCopy ?? noCopy,
    dropArchives: (tenant) => dropArchives(archiveDeps, tenant),
    log: options.log ?? (() => {}),
  });
  const { resumeArchiving, ...archives } = createArchives(archiveDeps);
  const { resumeBackup, ...backups } = createBackups({ ...archiveDeps, moves });
  const { resumeBackfill, ...backfill } = createBackfill({ ...deps, clock });

  const readTenant = async (id: TenantId): Promise<Tenant> => {
    const tenant = await registry.tenants.read(id);
    if (tenant === undefined) throw new BulkheadError('tenant_not_found');
    return tenant;
  };

  const change = async (kind: 'suspend' | 'resume', id: TenantId, actor: Actor): Promise<Tenant> => {
    const tenant = await readTenant(id);
    // Refused before anything is journalled: a suspended tenant is not suspended twice.
    nextState(tenant.state, kind === 'suspend' ? 'suspended' : 'resumed');
    const operation = await begin(registry.operations, { tenant: id, kind, input: {} }, actor);
    const steps = kind === 'suspend' ? suspendSteps(deps, tenant, actor) : resumeSteps(deps, tenant, actor);
    await runToEnd(deps, operation, steps);
    return await readTenant(id);
  };

  const resumeOperation = async (operation: Operation): Promise<void> => {
    const tenant = await readTenant(operation.tenant);
    switch (operation.kind) {
      case 'provision': {
        const plan = await registry.plans.read(tenant.plan);
        if (plan === undefined) throw new BulkheadError('plan_unknown', { plan: tenant.plan });
        const server = textOf(operation.input['server']);
        const template = textOf(operation.input['template']);
        await provision(deps, { tenant, plan, server, template, operation, actor: recovery });
        return;
      }
      case 'suspend':
        return await runToEnd(deps, operation, suspendSteps(deps, tenant, recovery));
      case 'resume':
        return await runToEnd(deps, operation, resumeSteps(deps, tenant, recovery));
      case 'move':
        return await resumeMove(operation, recovery);
      case 'backfill':
        return await resumeBackfill(operation, recovery);
      case 'offboard':
      case 'reinstate':
      case 'erase':
        return await resumeLeaving(operation);
      case 'export':
      case 'import':
      case 'clone':
        return await resumeArchiving(operation, recovery);
      case 'backup':
      case 'drill':
      case 'restore':
        return await resumeBackup(operation, recovery);
      case 'migrate':
        throw new BulkheadError('internal', {
          reason: `nothing takes up an operation of kind ${operation.kind}`,
        });
    }
  };

  return {
    ...moves,
    ...leaving,
    ...backfill,
    ...archives,
    ...backups,
    async create(input, actor) {
      const startedMs = clock.monotonicMs();
      const parsed = await parseNewTenant(registry, input);
      const { server, template } = input;
      if (template !== undefined) await deps.starters.assertExists(template);
      const tenant = await registry.tenants.insert(parsed.tenant, actor);
      const operation = await registry.operations.begin(
        {
          tenant: tenant.id,
          kind: 'provision',
          input: { server: server ?? null, template: template ?? null },
        },
        actor,
      );
      const ready = await provision(deps, {
        tenant,
        plan: parsed.plan,
        server,
        template,
        operation,
        actor,
      });
      return { tenant: ready, operation, readyInMs: clock.monotonicMs() - startedMs };
    },
    async saveTemplate(id, name, actor) {
      const records = await deps.starters.save(name, await readTenant(id), options.compartments);
      registry.audit.record({
        tenant: id,
        actor,
        action: 'template.saved',
        severity: 'info',
        requestId: undefined,
        detail: { template: name, records },
      });
      return records;
    },
    suspend: (id, actor) => change('suspend', id, actor),
    resume: (id, actor) => change('resume', id, actor),
    async recover() {
      const abandoned = await registry.operations.claimAbandoned();
      let ended = 0;
      for (const operation of abandoned) {
        // One that fails again stays journalled as failed; the others go on.
        await resumeOperation(operation).catch(() => undefined);
        ended += 1;
      }
      ended += await dropUnbegun(registry, clock);
      ended += await leaving.eraseDue();
      return ended + (await leaving.replayErasures('registry')).erasedAgain.length;
    },
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
