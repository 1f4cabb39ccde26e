import type { Bulkhead } from './bulkhead.ts';
import { createGuestList, removeAbandonedGuests } from './guests.ts';
import { stir } from './stir.ts';
import { attackActor } from './verify/attack/node.ts';
import type { OpenFront } from './verify/faults/fault.ts';
import { runVerification, type VerifyOptions } from './verify/run-verification.ts';
import type { VerificationResult } from './verify/verification.ts';

export interface VerifierOptions {
  readonly version: string;
  /** Starts servers to be attacked; undefined: the library alone is. */
  readonly openFront?: OpenFront;
}

export type Verify = (options: VerifyOptions) => Promise<VerificationResult>;

/** The verification of a node: what it attacks, proves and breaks is the node's own parts. */
export function createVerifier(node: Bulkhead, { version, openFront }: VerifierOptions): Verify {
  return async (options) => {
    await removeAbandonedGuests(node, attackActor);
    const guests = createGuestList(node, attackActor);
    return await runVerification(
      {
        node,
        clock: node.clock,
        versions: { bulkhead: version, node: process.version },
        guests,
        proveContainers: node.proofs.containers,
        openFront,
        scoreSchema: node.proofs.scoreSchema,
        stir: (tenants) => stir(node, { tenants, guests, actor: attackActor }),
      },
      options,
    );
  };
}
