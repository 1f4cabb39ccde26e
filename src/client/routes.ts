import type { Contract, OperationName } from './contract.ts';

/**
 * Method and path of every operation. The contract has them too, but with the schemas, and so with a validator that a
 * client has no use for. A difference between the two does not type-check.
 */
export const routes = {
  createTenant: { method: 'POST', path: '/v1/tenants' },
  listTenants: { method: 'GET', path: '/v1/tenants' },
  getTenant: { method: 'GET', path: '/v1/tenants/{tenant}' },
  changeTenant: { method: 'PATCH', path: '/v1/tenants/{tenant}' },
  suspendTenant: { method: 'POST', path: '/v1/tenants/{tenant}/suspend' },
  resumeTenant: { method: 'POST', path: '/v1/tenants/{tenant}/resume' },
  moveTenant: { method: 'POST', path: '/v1/tenants/{tenant}/move' },
  getMove: { method: 'GET', path: '/v1/tenants/{tenant}/move' },
  confirmMove: { method: 'POST', path: '/v1/tenants/{tenant}/move/confirm' },
  rollBackMove: { method: 'POST', path: '/v1/tenants/{tenant}/move/rollback' },
  cancelMove: { method: 'POST', path: '/v1/tenants/{tenant}/move/cancel' },
  getSettings: { method: 'GET', path: '/v1/tenants/{tenant}/settings' },
  changeSettings: { method: 'PUT', path: '/v1/tenants/{tenant}/settings' },
  issueKey: { method: 'POST', path: '/v1/tenants/{tenant}/keys' },
  listKeys: { method: 'GET', path: '/v1/tenants/{tenant}/keys' },
  rotateKey: { method: 'POST', path: '/v1/tenants/{tenant}/keys/{key}/rotate' },
  revokeKey: { method: 'DELETE', path: '/v1/tenants/{tenant}/keys/{key}' },
  listPlans: { method: 'GET', path: '/v1/plans' },
  getOperation: { method: 'GET', path: '/v1/operations/{operation}' },
  listOperations: { method: 'GET', path: '/v1/operations' },
  listTenantOperations: { method: 'GET', path: '/v1/tenants/{tenant}/operations' },
  listServers: { method: 'GET', path: '/v1/servers' },
  addServer: { method: 'POST', path: '/v1/servers' },
  fleetVersions: { method: 'GET', path: '/v1/fleet/versions' },
  migrateFleet: { method: 'POST', path: '/v1/fleet/migrations' },
  getFleetMigration: { method: 'GET', path: '/v1/fleet/migrations/{migration}' },
  cancelFleetMigration: { method: 'POST', path: '/v1/fleet/migrations/{migration}/cancel' },
  me: { method: 'GET', path: '/v1/me' },
  createDocument: { method: 'POST', path: '/v1/documents' },
  listDocuments: { method: 'GET', path: '/v1/documents' },
  getDocument: { method: 'GET', path: '/v1/documents/{document}' },
  changeDocument: { method: 'PATCH', path: '/v1/documents/{document}' },
  deleteDocument: { method: 'DELETE', path: '/v1/documents/{document}' },
} as const satisfies { readonly [Name in OperationName]: Pick<Contract[Name], 'method' | 'path'> };
