import type { Bulkhead } from '../../bulkhead.ts';
import type { ExportView } from '../../client/schemas/archives.ts';
import type { ExportStatus, TenantInTheMaking } from '../../lifecycle/archives.ts';
import { toTenantView } from '../views.ts';
import { findTenant } from './find-tenant.ts';
import type { OperatorHandlers } from './handler.ts';

type ArchiveHandlers = Pick<
  OperatorHandlers,
  | 'exportTenant'
  | 'getExport'
  | 'downloadExport'
  | 'sendArchive'
  | 'importTenant'
  | 'cloneTenant'
  | 'getArchiveKey'
>;

export function createArchiveHandlers({ registry, lifecycle }: Bulkhead): ArchiveHandlers {
  return {
    async exportTenant({ params, body }, actor) {
      const { id } = await findTenant(registry.tenants, params.tenant);
      const { operation } = await lifecycle.beginExport({ tenant: id, ...body }, actor);
      return toExportView(await lifecycle.exportOf(operation.id));
    },
    getExport: async ({ params }) => toExportView(await lifecycle.exportOf(params.export)),
    async downloadExport({ params }) {
      const { slug, sizeBytes, sha256, bytes } = await lifecycle.readExport(params.export);
      return {
        name: `${slug}.bulkhead`,
        contentType: 'application/octet-stream',
        sizeBytes,
        sha256,
        content: bytes,
      };
    },
    sendArchive: ({ upload }) => lifecycle.receiveArchive(upload.content),
    importTenant: async ({ body }, actor) => toMakingView(await lifecycle.beginImport(body, actor)),
    async cloneTenant({ params, body }, actor) {
      const { id } = await findTenant(registry.tenants, params.tenant);
      return toMakingView(await lifecycle.beginClone({ from: id, ...body }, actor));
    },
    getArchiveKey: async () => ({ publicKey: registry.signer.publicKey }),
  };
}

export function toMakingView({ tenant, operation }: TenantInTheMaking) {
  return { tenant: toTenantView(tenant), operation: operation.id };
}

function toExportView({ operation, receipt, isKept }: ExportStatus): ExportView {
  const { id, tenant, state, progress, failure } = operation;
  return {
    operation: id,
    tenant,
    state,
    progress: progress === undefined ? null : { ...progress },
    records: receipt?.records ?? null,
    sizeBytes: receipt?.sizeBytes ?? null,
    sha256: receipt?.fileSha256 ?? null,
    sets: (receipt?.sets ?? []).map((set) => ({ ...set })),
    isKept,
    failure: failure === undefined ? null : { ...failure },
  };
}
