import type { Operation } from './operation.ts';
import * as archives from './schemas/archives.ts';

const ofTenant = ['tenant_not_found', 'transition_refused', 'operation_in_progress'] as const;
const makingErrors = [
  'slug_taken',
  'plan_unknown',
  'isolation_unavailable',
  'hierarchy_refused',
  'value_invalid',
] as const;

/** Tenants as files. Part of the contract. */
export const archiveOperations = {
  exportTenant: {
    method: 'POST',
    path: '/v1/tenants/{tenant}/export',
    plane: 'operator',
    tag: 'Archives',
    summary: 'Begin to write a tenant into an archive',
    body: archives.ExportBody,
    status: 201,
    response: archives.ExportView,
    errors: [...ofTenant, 'value_invalid'],
  },
  getExport: {
    method: 'GET',
    path: '/v1/exports/{export}',
    plane: 'operator',
    tag: 'Archives',
    summary: 'Show how far an export is, and what it holds',
    status: 200,
    response: archives.ExportView,
    errors: ['not_found'],
  },
  downloadExport: {
    method: 'GET',
    path: '/v1/exports/{export}/archive',
    plane: 'operator',
    tag: 'Archives',
    summary: 'Take the archive',
    bytes: 'download',
    status: 200,
    errors: ['not_found'],
  },
  sendArchive: {
    method: 'POST',
    path: '/v1/archives',
    plane: 'operator',
    tag: 'Archives',
    summary: 'Send an archive; the body is the file. It is kept for a day',
    bytes: 'upload',
    status: 201,
    response: archives.ReceivedView,
    errors: ['blob_unwritable'],
  },
  importTenant: {
    method: 'POST',
    path: '/v1/imports',
    plane: 'operator',
    tag: 'Archives',
    summary: 'Read an archive wholly, and make a new tenant of it',
    body: archives.ImportBody,
    status: 201,
    response: archives.MakingView,
    errors: ['not_found', 'archive_refused', ...makingErrors],
  },
  cloneTenant: {
    method: 'POST',
    path: '/v1/tenants/{tenant}/clone',
    plane: 'operator',
    tag: 'Archives',
    summary: 'Make a new tenant with the data of another, masked',
    body: archives.CloneBody,
    status: 201,
    response: archives.MakingView,
    errors: ['tenant_not_found', 'transition_refused', ...makingErrors],
  },
  getArchiveKey: {
    method: 'GET',
    path: '/v1/archive-key',
    plane: 'operator',
    tag: 'Archives',
    summary: 'Show the key that this installation signs archives with',
    status: 200,
    response: archives.ArchiveKeyView,
    errors: [],
  },
} as const satisfies Record<string, Operation>;
