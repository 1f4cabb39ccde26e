import type { ProofResult } from './result.ts';

/** The static proof of one database that tenants' containers are in. */
export interface ContainerProof {
  /** `main`, or `main/tenant_…` for a database of a tenant's own. */
  readonly database: string;
  readonly tenants: number;
  /** Undefined where the database could not be asked; `because` then says why. */
  readonly result: ProofResult | undefined;
  readonly because: string | undefined;
  /** Login roles of the server that step over row-level security. */
  readonly privileged: readonly string[];
}

/** Every database there is, one after the other; only those of these tenants where some are named. */
export type ProveContainers = (only?: ReadonlySet<string>) => AsyncIterable<ContainerProof>;
