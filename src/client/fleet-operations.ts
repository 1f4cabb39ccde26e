import type { Operation } from './operation.ts';
import * as fleet from './schemas/fleet.ts';

/** What is done to all containers at once. Part of the contract. */
export const fleetOperations = {
  fleetVersions: {
    method: 'GET',
    path: '/v1/fleet/versions',
    plane: 'operator',
    tag: 'Fleet',
    summary: 'Which migrations every container has',
    status: 200,
    response: fleet.FleetVersionsView,
    errors: [],
  },
  migrateFleet: {
    method: 'POST',
    path: '/v1/fleet/migrations',
    plane: 'operator',
    tag: 'Fleet',
    summary: 'Bring containers up to date, or say what that would do',
    body: fleet.MigrateBody,
    status: 201,
    response: fleet.MigrateView,
    errors: ['operation_in_progress', 'value_invalid', 'not_found'],
  },
  getFleetMigration: {
    method: 'GET',
    path: '/v1/fleet/migrations/{migration}',
    plane: 'operator',
    tag: 'Fleet',
    summary: 'Show a run over the fleet, container by container',
    status: 200,
    response: fleet.FleetRunDetailView,
    errors: ['not_found'],
  },
  cancelFleetMigration: {
    method: 'POST',
    path: '/v1/fleet/migrations/{migration}/cancel',
    plane: 'operator',
    tag: 'Fleet',
    summary: 'End a run after the containers it is busy with',
    status: 200,
    response: fleet.FleetRunView,
    errors: ['not_found', 'transition_refused'],
  },
} as const satisfies Record<string, Operation>;
