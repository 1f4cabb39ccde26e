import { createContainerProofs, type ContainerProofsDeps } from './container-proofs.ts';
import { createSchemaScore, type SchemaScoreDeps, type ScoreSchema } from './schema-score.ts';
import type { ProveContainers } from './verify/proof/container-proof.ts';

/** What the databases of a node are proved by. */
export interface Proofs {
  /** The static proof of every database that tenants' data is in. */
  readonly containers: ProveContainers;
  /** How much the proof notices of what is broken in a copy of the pool database's schema. */
  readonly scoreSchema: ScoreSchema;
}

export function openProofs(deps: ContainerProofsDeps & SchemaScoreDeps): Proofs {
  return { containers: createContainerProofs(deps), scoreSchema: createSchemaScore(deps) };
}
