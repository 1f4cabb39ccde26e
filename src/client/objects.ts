import type { Output } from './contract.ts';
import { parseResult, type CallInput, type CallOptions, type Sender, type Transport } from './transport.ts';

/** An object as it comes in: read `content` to its end, or cancel it. */
export interface ReceivedObject {
  readonly contentType: string;
  readonly sizeBytes: number;
  readonly content: ReadableStream<Uint8Array>;
}

/** A tenant's objects. `object` is the id that a list or a put has given. */
export interface ObjectsClient {
  put(
    name: string,
    content: Uint8Array | ReadableStream<Uint8Array>,
    options?: CallOptions & { readonly contentType?: string },
  ): Promise<Output<'putObject'>>;
  list(query?: CallInput<'listObjects'>['query'], options?: CallOptions): Promise<Output<'listObjects'>>;
  get(object: string, options?: CallOptions): Promise<ReceivedObject>;
  about(object: string, options?: CallOptions): Promise<Output<'describeObject'>>;
  delete(object: string): Promise<void>;
  /** A path of the same server that needs no key. */
  signUrl(wish: CallInput<'signObjectUrl'>['body']): Promise<Output<'signObjectUrl'>>;
}

const nothing = { params: {}, query: undefined, body: undefined } as const;
const ofObject = (object: string) => ({ ...nothing, params: { object } });

export function createObjectsClient(send: Sender, call: Transport): ObjectsClient {
  return {
    async put(name, content, { contentType = 'application/octet-stream', ...options } = {}) {
      const request = { params: {}, query: { name }, body: content, contentType };
      const response = await send('putObject', request, options);
      return parseResult(await response.text(), response) as Output<'putObject'>;
    },
    list: (query = {}, options = {}) => call('listObjects', { ...nothing, query }, options),
    async get(object, options) {
      const { headers, body } = await send('getObject', { params: { object }, query: undefined }, options);
      return {
        contentType: headers.get('content-type') ?? 'application/octet-stream',
        sizeBytes: Number(headers.get('content-length')),
        content: body ?? new ReadableStream({ start: (controller) => controller.close() }),
      };
    },
    about: (object, options) => call('describeObject', ofObject(object), options),
    delete: (object) => call('deleteObject', ofObject(object)),
    signUrl: (body) => call('signObjectUrl', { ...nothing, body }),
  };
}
