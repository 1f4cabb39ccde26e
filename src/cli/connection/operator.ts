import type { CallInput, OperationOf, Output } from '../../client/index.ts';

export type OperatorCall = OperationOf<'operator'>;

/** The control plane, wherever it is: a server that answers, or the node in this very process. The same calls, the same answers. */
export interface Operator extends AsyncDisposable {
  /** For --verbose: `the server at http://127.0.0.1:7070`. */
  readonly place: string;
  call<Name extends OperatorCall>(name: Name, input: CallInput<Name>): Promise<Output<Name>>;
}
