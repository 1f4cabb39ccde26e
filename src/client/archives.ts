import type { Output } from './contract.ts';
import { parseResult, type CallInput, type Sender, type Transport } from './transport.ts';

/** Tenants as files. Raise `timeoutMs` of the client for large ones. */
export interface ArchivesClient {
  export(tenant: string, body?: CallInput<'exportTenant'>['body']): Promise<Output<'exportTenant'>>;
  exportOf(operation: string): Promise<Output<'getExport'>>;
  /** The archive of an export that is done. */
  receive(operation: string): Promise<ReadableStream<Uint8Array>>;
  /** Sends a file; the answer names it for `import`. */
  send(content: Uint8Array | ReadableStream<Uint8Array>): Promise<Output<'sendArchive'>>;
  import(body: CallInput<'importTenant'>['body']): Promise<Output<'importTenant'>>;
  clone(tenant: string, body: CallInput<'cloneTenant'>['body']): Promise<Output<'cloneTenant'>>;
}

const nothing = { params: {}, query: undefined, body: undefined } as const;

export function createArchivesClient(send: Sender, call: Transport): ArchivesClient {
  return {
    export: (tenant, body = {}) => call('exportTenant', { ...nothing, params: { tenant }, body }),
    exportOf: (operation) => call('getExport', { ...nothing, params: { export: operation } }),
    async receive(operation) {
      const { body } = await send('downloadExport', { params: { export: operation }, query: undefined });
      return body ?? new ReadableStream({ start: (controller) => controller.close() });
    },
    async send(content) {
      const contentType = 'application/octet-stream';
      const response = await send('sendArchive', {
        params: {},
        query: undefined,
        body: content,
        contentType,
      });
      return parseResult(await response.text(), response) as Output<'sendArchive'>;
    },
    import: (body) => call('importTenant', { ...nothing, body }),
    clone: (tenant, body) => call('cloneTenant', { ...nothing, params: { tenant }, body }),
  };
}
