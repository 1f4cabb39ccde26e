import type { CallInput, JsonOperationName, OperationOf, Output } from '../../client/index.ts';

export type OperatorCall = Extract<OperationOf<'operator'>, JsonOperationName>;

/** The control plane, wherever it is: a server that answers, or the node in this very process. The same calls, the same answers. */
export interface Operator extends AsyncDisposable {
  /** For --verbose: `the server at http://127.0.0.1:7070`. */
  readonly place: string;
  call<Name extends OperatorCall>(name: Name, input: CallInput<Name>): Promise<Output<Name>>;
  /** The archive of an export that is done. */
  receiveArchive(exported: string): Promise<AsyncIterable<Uint8Array>>;
  /** @returns its name for an import */
  sendArchive(content: AsyncIterable<Uint8Array>): Promise<string>;
}
