import type { z } from 'zod';
import { archiveOperations } from './archive-operations.ts';
import { backupOperations } from './backup-operations.ts';
import { cacheOperations } from './cache-operations.ts';
import { billingOperations } from './billing-operations.ts';
import { domainOperations } from './domain-operations.ts';
import { fleetOperations } from './fleet-operations.ts';
import { knowledgeOperations } from './knowledge-operations.ts';
import { hierarchyOperations } from './hierarchy-operations.ts';
import { leavingOperations } from './leaving-operations.ts';
import { moveOperations } from './move-operations.ts';
import { objectOperations } from './object-operations.ts';
import type { Download, Operation, ServerEvent, Upload } from './operation.ts';
import { verificationOperations } from './verification-operations.ts';
import * as documents from './schemas/documents.ts';
import { LimitsView } from './schemas/limits.ts';
import * as keys from './schemas/keys.ts';
import * as platform from './schemas/platform.ts';
import * as tenants from './schemas/tenants.ts';

/** Every operation of the HTTP API: validation, description, handlers' types and the client's types come from it. */
export const contract = {
  createTenant: {
    method: 'POST',
    path: '/v1/tenants',
    plane: 'operator',
    tag: 'Tenants',
    summary: 'Create a tenant and provision its containers',
    repeats: 'by_answer',
    body: tenants.NewTenantBody,
    status: 201,
    response: tenants.CreatedTenantView,
    errors: ['slug_taken', 'plan_unknown', 'isolation_unavailable', 'hierarchy_refused', 'value_invalid'],
  },
  listTenants: {
    method: 'GET',
    path: '/v1/tenants',
    plane: 'operator',
    tag: 'Tenants',
    summary: 'List tenants',
    query: tenants.TenantQuery,
    status: 200,
    response: tenants.TenantPageView,
    errors: ['value_invalid'],
  },
  getTenant: {
    method: 'GET',
    path: '/v1/tenants/{tenant}',
    plane: 'operator',
    tag: 'Tenants',
    summary: 'Show a tenant, by id or slug',
    status: 200,
    response: tenants.TenantView,
    errors: ['tenant_not_found'],
  },
  changeTenant: {
    method: 'PATCH',
    path: '/v1/tenants/{tenant}',
    plane: 'operator',
    tag: 'Tenants',
    summary: 'Change name, plan or features',
    body: tenants.TenantChange,
    status: 200,
    response: tenants.TenantView,
    errors: ['tenant_not_found', 'plan_unknown', 'isolation_unavailable', 'value_invalid'],
  },
  suspendTenant: {
    method: 'POST',
    path: '/v1/tenants/{tenant}/suspend',
    plane: 'operator',
    tag: 'Tenants',
    summary: 'Block a tenant within a second; its data stays',
    status: 200,
    response: tenants.TenantView,
    errors: ['tenant_not_found', 'transition_refused', 'operation_in_progress'],
  },
  resumeTenant: {
    method: 'POST',
    path: '/v1/tenants/{tenant}/resume',
    plane: 'operator',
    tag: 'Tenants',
    summary: 'Let a suspended tenant in again',
    status: 200,
    response: tenants.TenantView,
    errors: ['tenant_not_found', 'transition_refused', 'operation_in_progress'],
  },
  ...moveOperations,
  ...leavingOperations,
  ...domainOperations,
  ...archiveOperations,
  ...backupOperations,
  getSettings: {
    method: 'GET',
    path: '/v1/tenants/{tenant}/settings',
    plane: 'operator',
    tag: 'Settings',
    summary: 'Settings as the tenant sees them: its own over its plan’s over the defaults',
    status: 200,
    response: tenants.SettingsView,
    errors: ['tenant_not_found'],
  },
  changeSettings: {
    method: 'PUT',
    path: '/v1/tenants/{tenant}/settings',
    plane: 'operator',
    tag: 'Settings',
    summary: 'Set settings by key, all of them or none; null removes one',
    body: tenants.SettingsChange,
    status: 200,
    response: tenants.SettingsView,
    errors: ['tenant_not_found', 'value_invalid'],
  },
  issueKey: {
    method: 'POST',
    path: '/v1/tenants/{tenant}/keys',
    plane: 'operator',
    tag: 'API keys',
    summary: 'Issue an API key; it is shown this once',
    repeats: 'by_answer',
    body: keys.NewKeyBody,
    status: 201,
    response: keys.IssuedKeyView,
    errors: ['tenant_not_found', 'tenant_inactive', 'value_invalid'],
  },
  listKeys: {
    method: 'GET',
    path: '/v1/tenants/{tenant}/keys',
    plane: 'operator',
    tag: 'API keys',
    summary: 'List the keys of a tenant',
    status: 200,
    response: keys.KeyListView,
    errors: ['tenant_not_found'],
  },
  rotateKey: {
    method: 'POST',
    path: '/v1/tenants/{tenant}/keys/{key}/rotate',
    plane: 'operator',
    tag: 'API keys',
    summary: 'Issue a successor; the old key goes on working for the overlap',
    body: keys.RotateKeyBody,
    status: 201,
    response: keys.IssuedKeyView,
    errors: ['tenant_not_found', 'not_found', 'value_invalid'],
  },
  revokeKey: {
    method: 'DELETE',
    path: '/v1/tenants/{tenant}/keys/{key}',
    plane: 'operator',
    tag: 'API keys',
    summary: 'Revoke a key, on every node within a second',
    status: 200,
    response: keys.KeyView,
    errors: ['tenant_not_found', 'not_found'],
  },
  listPlans: {
    method: 'GET',
    path: '/v1/plans',
    plane: 'operator',
    tag: 'Platform',
    summary: 'List plans',
    status: 200,
    response: platform.PlanListView,
    errors: [],
  },
  cancelOperation: {
    method: 'POST',
    path: '/v1/operations/{operation}/cancel',
    plane: 'operator',
    tag: 'Platform',
    summary: 'Ask a long-running operation to stop where it still can',
    status: 200,
    response: platform.OperationView,
    errors: ['not_found'],
  },
  getOperation: {
    method: 'GET',
    path: '/v1/operations/{operation}',
    plane: 'operator',
    tag: 'Platform',
    summary: 'Show a long-running operation',
    status: 200,
    response: platform.OperationView,
    errors: ['not_found'],
  },
  listOperations: {
    method: 'GET',
    path: '/v1/operations',
    plane: 'operator',
    tag: 'Platform',
    summary: 'List long-running operations, the latest first',
    query: platform.OperationQuery,
    status: 200,
    response: platform.OperationPageView,
    errors: [],
  },
  listTenantOperations: {
    method: 'GET',
    path: '/v1/tenants/{tenant}/operations',
    plane: 'operator',
    tag: 'Platform',
    summary: 'List the operations on one tenant, the latest first',
    query: platform.OperationQuery,
    status: 200,
    response: platform.OperationPageView,
    errors: ['tenant_not_found'],
  },
  listServers: {
    method: 'GET',
    path: '/v1/servers',
    plane: 'operator',
    tag: 'Platform',
    summary: 'List the database servers that tenants are placed on',
    status: 200,
    response: platform.ServerListView,
    errors: [],
  },
  addServer: {
    method: 'POST',
    path: '/v1/servers',
    plane: 'operator',
    tag: 'Platform',
    summary: 'Add a database server',
    body: platform.NewServerBody,
    status: 201,
    response: platform.ServerView,
    errors: ['conflict', 'value_invalid'],
  },
  ...fleetOperations,
  ...billingOperations,
  ...hierarchyOperations,
  ...verificationOperations,
  me: {
    method: 'GET',
    path: '/v1/me',
    plane: 'tenant',
    tag: 'Tenant',
    summary: 'Who the key is: tenant, plan, isolation, limits',
    status: 200,
    response: documents.MeView,
    errors: [],
  },
  limits: {
    method: 'GET',
    path: '/v1/me/limits',
    plane: 'tenant',
    tag: 'Documents',
    summary: 'How much of each rate limit is left for the caller',
    status: 200,
    response: LimitsView,
    errors: [],
  },
  createDocument: {
    method: 'POST',
    path: '/v1/documents',
    plane: 'tenant',
    tag: 'Documents',
    summary: 'Store a document',
    repeats: 'by_id',
    body: documents.NewDocumentBody,
    status: 201,
    response: documents.DocumentView,
    errors: ['conflict', 'value_invalid', 'not_found'],
  },
  listDocuments: {
    method: 'GET',
    path: '/v1/documents',
    plane: 'tenant',
    tag: 'Documents',
    summary: 'List documents',
    query: documents.DocumentQuery,
    status: 200,
    response: documents.DocumentPageView,
    errors: ['value_invalid'],
  },
  getDocument: {
    method: 'GET',
    path: '/v1/documents/{document}',
    plane: 'tenant',
    tag: 'Documents',
    summary: 'Read a document',
    status: 200,
    response: documents.DocumentView,
    errors: ['not_found'],
  },
  changeDocument: {
    method: 'PATCH',
    path: '/v1/documents/{document}',
    plane: 'tenant',
    tag: 'Documents',
    summary: 'Change the given fields of a document',
    body: documents.DocumentChange,
    status: 200,
    response: documents.DocumentView,
    errors: ['not_found', 'conflict', 'value_invalid'],
  },
  deleteDocument: {
    method: 'DELETE',
    path: '/v1/documents/{document}',
    plane: 'tenant',
    tag: 'Documents',
    summary: 'Delete a document',
    status: 204,
    errors: ['not_found'],
  },
  ...cacheOperations,
  ...objectOperations,
  ...knowledgeOperations,
} as const satisfies Record<string, Operation>;

export type Contract = typeof contract;
export type OperationName = keyof Contract;

/** Names of the operations of one plane. */
export type OperationOf<Plane extends Operation['plane']> = {
  [Name in OperationName]: Contract[Name]['plane'] extends Plane ? Name : never;
}[OperationName];

/** Names of the operations that take and answer JSON. */
export type JsonOperationName = {
  [Name in OperationName]: Contract[Name] extends { readonly bytes: string } ? never : Name;
}[OperationName];

type ParameterNames<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? Name | ParameterNames<Rest>
  : never;

/** What a handler is given: everything parsed, nothing else. */
export type Input<Name extends OperationName> = ParsedInput<Name> &
  (Contract[Name] extends { readonly bytes: 'upload' } ? { readonly upload: Upload } : unknown);

interface ParsedInput<Name extends OperationName> {
  /** As they stand in the path, decoded once; ids are parsed by the handler, because an unparsable one is simply not found. */
  readonly params: Readonly<Record<ParameterNames<Contract[Name]['path']>, string>>;
  readonly query: Contract[Name] extends { readonly query: infer Query extends z.ZodType }
    ? z.output<Query>
    : undefined;
  readonly body: Contract[Name] extends { readonly body: infer Body extends z.ZodType }
    ? z.output<Body>
    : undefined;
}

export type Output<Name extends OperationName> = Contract[Name] extends {
  readonly response: infer Response extends z.ZodType;
}
  ? z.input<Response>
  : Contract[Name] extends { readonly bytes: 'events' }
    ? AsyncIterable<ServerEvent>
    : Contract[Name] extends { readonly bytes: 'download' }
      ? Download
      : void;
