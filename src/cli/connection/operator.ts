import type { z } from 'zod';
import type { Contract, Input, OperationOf, Output } from '../../client/contract.ts';

export type OperatorCall = OperationOf<'operator'>;

/** What a caller gives: not parsed yet, so that fields with defaults may be left out. */
export interface Request<Name extends OperatorCall> {
  readonly params: Input<Name>['params'];
  readonly query: Contract[Name] extends { readonly query: infer Query extends z.ZodType }
    ? z.input<Query>
    : undefined;
  readonly body: Contract[Name] extends { readonly body: infer Body extends z.ZodType }
    ? z.input<Body>
    : undefined;
}

/** The control plane, wherever it is: a server that answers, or the node in this very process. The same calls, the same answers. */
export interface Operator extends AsyncDisposable {
  /** For --verbose: `the server at http://127.0.0.1:7070`. */
  readonly place: string;
  call<Name extends OperatorCall>(name: Name, request: Request<Name>): Promise<Output<Name>>;
}
