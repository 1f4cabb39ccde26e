import type { z } from 'zod';
import type { ErrorCode } from '../core/errors.ts';
import * as documents from './schemas/documents.ts';
import * as fleet from './schemas/fleet.ts';
import * as keys from './schemas/keys.ts';
import * as moves from './schemas/moves.ts';
import * as platform from './schemas/platform.ts';
import * as tenants from './schemas/tenants.ts';

/** One operation of the HTTP API, as data: validation, OpenAPI, handlers' types and the client's types come from it. */
export interface Operation {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With `{name}` for parameters. */
  readonly path: `/v1/${string}`;
  /** Whose credential opens it: the operator's token, or a tenant's API key. */
  readonly plane: 'operator' | 'tenant';
  readonly tag: string;
  readonly summary: string;
  /**
   * Takes an `Idempotency-Key`. Its repetition is answered by the answer that was given, kept sealed for a day, or by
   * reading again what was made: a tenant's data is kept in no other place for it.
   */
  readonly repeats?: 'by_answer' | 'by_id';
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
  readonly status: 200 | 201 | 204;
  /** Absent where the answer has no body. */
  readonly response?: z.ZodType;
  /** Beyond those that every operation of its plane can answer with. */
  readonly errors: readonly ErrorCode[];
}

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
  moveTenant: {
    method: 'POST',
    path: '/v1/tenants/{tenant}/move',
    plane: 'operator',
    tag: 'Moves',
    summary: 'Move a tenant to another isolation or server while it works',
    body: moves.MoveBody,
    status: 200,
    response: moves.MoveView,
    errors: ['tenant_not_found', 'transition_refused', 'operation_in_progress', 'isolation_unavailable'],
  },
  getMove: {
    method: 'GET',
    path: '/v1/tenants/{tenant}/move',
    plane: 'operator',
    tag: 'Moves',
    summary: 'Show what the last move of a tenant has come to',
    status: 200,
    response: moves.MoveView,
    errors: ['tenant_not_found'],
  },
  confirmMove: {
    method: 'POST',
    path: '/v1/tenants/{tenant}/move/confirm',
    plane: 'operator',
    tag: 'Moves',
    summary: 'Erase what a move has left at the place before',
    status: 200,
    response: moves.MoveView,
    errors: ['tenant_not_found', 'transition_refused', 'operation_in_progress', 'compartment_unreachable'],
  },
  rollBackMove: {
    method: 'POST',
    path: '/v1/tenants/{tenant}/move/rollback',
    plane: 'operator',
    tag: 'Moves',
    summary: 'Take an unconfirmed move back, with all that was written since',
    status: 200,
    response: moves.MoveView,
    errors: ['tenant_not_found', 'transition_refused', 'operation_in_progress', 'compartment_unreachable'],
  },
  cancelMove: {
    method: 'POST',
    path: '/v1/tenants/{tenant}/move/cancel',
    plane: 'operator',
    tag: 'Moves',
    summary: 'Ask a running move to stop',
    status: 200,
    response: moves.MoveView,
    errors: ['tenant_not_found', 'transition_refused'],
  },
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
} as const satisfies Record<string, Operation>;

/** Errors of every operation that takes an `Idempotency-Key`. */
export const repeatErrors = [
  'idempotency_key_reused',
  'request_in_progress',
] as const satisfies readonly ErrorCode[];

export type Contract = typeof contract;
export type OperationName = keyof Contract;

/** Names of the operations of one plane. */
export type OperationOf<Plane extends Operation['plane']> = {
  [Name in OperationName]: Contract[Name]['plane'] extends Plane ? Name : never;
}[OperationName];

/** Errors that every operation of a plane can answer with. */
export const commonErrors = {
  operator: [
    'request_invalid',
    'unauthenticated',
    'body_too_large',
    'media_type_unsupported',
    'internal',
    'compartment_unreachable',
    'shutting_down',
  ],
  tenant: [
    'request_invalid',
    'unauthenticated',
    'claims_conflict',
    'tenant_inactive',
    'tenant_missing',
    'tenant_ambiguous',
    'body_too_large',
    'media_type_unsupported',
    'internal',
    'query_budget_spent',
    'compartment_unreachable',
    'pool_saturated',
    'registry_stale',
    'capability_refused',
    'statement_timeout',
    'row_cap_exceeded',
    'shutting_down',
  ],
} as const satisfies Record<Operation['plane'], readonly ErrorCode[]>;

type ParameterNames<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? Name | ParameterNames<Rest>
  : never;

/** What a handler is given: everything parsed, nothing else. */
export interface Input<Name extends OperationName> {
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
  : void;
