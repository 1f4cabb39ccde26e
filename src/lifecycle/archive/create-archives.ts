import { BulkheadError } from '../../core/errors.ts';
import { parseRowId } from '../../core/ids.ts';
import type { Actor } from '../../core/scope.ts';
import type { Operation } from '../../registry/registry.ts';
import type { Archives } from '../archives.ts';
import { begin } from '../begin.ts';
import { beginClone, runClone } from './clone.ts';
import { exportBlob, runExport, toArchiveReceipt } from './export.ts';
import { beginImport, receiveArchive, runImport } from './import.ts';
import { keepSecret, toSecret } from './stored-file.ts';
import { readLiveTenant, type ArchiveDeps } from './work.ts';

export interface ArchiveOperations extends Archives {
  /** Goes on with an export, import or clone that another process has begun. */
  readonly resumeArchiving: (operation: Operation, actor: Actor) => Promise<void>;
}

/** Exports wait so long to be taken; imports are looked at no longer than that. */
const keptMs = 86_400_000;

export function createArchives(deps: ArchiveDeps): ArchiveOperations {
  const { operations, blobs, registry } = deps;

  const readExportOperation = async (id: string): Promise<Operation> => {
    const parsed = parseRowId(id);
    const operation = parsed === undefined ? undefined : await operations.read(parsed);
    if (operation?.kind !== 'export') throw new BulkheadError('not_found');
    return operation;
  };

  return {
    async beginExport({ tenant: id, passphrase }, actor) {
      const secret = passphrase === undefined ? undefined : await toSecret(passphrase);
      const tenant = await readLiveTenant(deps, id);
      const input = { sealed: secret !== undefined };
      const operation = await begin(operations, { tenant: tenant.id, kind: 'export', input }, actor);
      if (secret !== undefined) await keepSecret(registry.vault, operation.id, secret);
      const ended = runExport(deps, operation);
      ended.catch(() => undefined);
      return { operation, ended };
    },

    async exportOf(id) {
      const operation = await readExportOperation(id);
      const receipt = operation.state === 'done' ? toArchiveReceipt(operation) : undefined;
      const isKept = receipt !== undefined && (await blobs.stat(exportBlob(operation.id))) !== undefined;
      return { operation, receipt, isKept };
    },

    async readExport(id) {
      const operation = await readExportOperation(id);
      const blob = exportBlob(operation.id);
      const found = operation.state === 'done' ? await blobs.stat(blob) : undefined;
      const receipt = toArchiveReceipt(operation);
      if (found === undefined || receipt === undefined) throw new BulkheadError('not_found');
      const tenant = await registry.tenants.read(operation.tenant);
      return {
        sizeBytes: found.sizeBytes,
        sha256: receipt.fileSha256,
        slug: tenant?.slug ?? operation.tenant,
        bytes: blobs.read(blob),
      };
    },

    receiveArchive: (bytes) => receiveArchive(deps, bytes),
    beginImport: (input, actor) => beginImport(deps, input, actor),
    beginClone: (input, actor) => beginClone(deps, input, actor),

    async sweepArchives() {
      let removed = 0;
      for (const name of [...(await blobs.list('exports')), ...(await blobs.list('imports'))]) {
        const found = await blobs.stat(name);
        if (found === undefined || deps.clock.nowMs() - found.writtenAt.getTime() < keptMs) continue;
        await blobs.remove(name);
        removed += 1;
      }
      return removed;
    },

    async resumeArchiving(operation, actor) {
      if (operation.kind === 'export') await runExport(deps, operation);
      else if (operation.kind === 'import') await runImport(deps, operation, actor);
      else await runClone(deps, operation, actor);
    },
  };
}
