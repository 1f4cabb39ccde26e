import type { Actor, Scope } from '../../core/scope.ts';
import type { Reserved } from '../repeatable.ts';
import type { Input, OperationOf, Output } from '../../client/contract.ts';

/** One function for every operation of the control plane; a missing one does not type-check. */
export type OperatorHandlers = {
  readonly [Name in OperationOf<'operator'>]: (input: Input<Name>, actor: Actor) => Promise<Output<Name>>;
};

/** One function for every operation of the tenant plane. They run inside the scope, and are given it. */
export type TenantHandlers = {
  readonly [Name in OperationOf<'tenant'>]: (input: Input<Name>, visit: Visit) => Promise<Output<Name>>;
};

export interface Visit {
  /** Where the caller sent an `Idempotency-Key`: what is known of the request beforehand. */
  readonly reserved: Reserved | undefined;
  readonly scope: Scope;
  /** The key that was shown; undefined where the credential is of another kind. */
  readonly key:
    | { readonly id: string; readonly name: string; readonly expiresAt: Date | undefined }
    | undefined;
}
