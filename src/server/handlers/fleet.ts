import type { Bulkhead } from '../../bulkhead.ts';
import type { FleetRunView } from '../../client/schemas/fleet.ts';
import { BulkheadError } from '../../core/errors.ts';
import type { FleetRun, MigrationPlan, PlannedContainer } from '../../fleet/fleet.ts';
import { toIso } from '../views.ts';
import type { OperatorHandlers } from './handler.ts';

type FleetHandlers = Pick<
  OperatorHandlers,
  'fleetVersions' | 'migrateFleet' | 'getFleetMigration' | 'cancelFleetMigration'
>;

export function createFleetHandlers({ fleet }: Bulkhead): FleetHandlers {
  return {
    async fleetVersions() {
      const { head, containers, unreachable } = await fleet.versions();
      return {
        head,
        containers: containers.map(({ tenant, slug, problem, frozenAt, ...one }) => ({
          ...one,
          tenant: tenant ?? null,
          slug: slug ?? null,
          problem: problem ?? null,
          frozenAt: frozenAt ?? null,
        })),
        unreachable: [...unreachable],
      };
    },

    async migrateFleet({ body }, actor) {
      const { dryRun, tenants, ...rest } = body;
      const options = { ...rest, only: tenants };
      if (dryRun) return { run: null, plan: toPlanView(await fleet.plan(options)) };
      return { run: toRunView(await fleet.start(options, actor)), plan: null };
    },

    async getFleetMigration({ params }) {
      const run = await fleet.run(params.migration);
      if (run === undefined) throw new BulkheadError('not_found');
      return {
        ...toRunView(run),
        containers: run.containers.map(({ tenant, to, code, reason, durationMs, ...one }) => ({
          ...one,
          tenant: tenant ?? null,
          to: to ?? null,
          code: code ?? null,
          reason: reason ?? null,
          durationMs: durationMs ?? null,
        })),
      };
    },

    async cancelFleetMigration({ params }) {
      return toRunView(await fleet.cancel(params.migration));
    },
  };
}

function toRunView({ id, target, state, reason, counts, startedAt, endedAt }: FleetRun): FleetRunView {
  const ended = toIso(endedAt);
  return {
    id,
    target,
    state,
    reason: reason ?? null,
    counts,
    startedAt: startedAt.toISOString(),
    endedAt: ended,
  };
}

function toPlanView({ target, containers, frozen, upToDate, unreachable, sql }: MigrationPlan) {
  return {
    target,
    containers: containers.map(toPlannedView),
    frozen: frozen.map(toPlannedView),
    upToDate,
    unreachable: [...unreachable],
    sql: [...sql],
  };
}

function toPlannedView({ tenant, slug, migrations, ...one }: PlannedContainer) {
  return { ...one, tenant: tenant ?? null, slug: slug ?? null, migrations: [...migrations] };
}
