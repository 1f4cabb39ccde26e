import type { TenantId } from '../../core/ids.ts';
import type { FleetVersions } from '../fleet.ts';

/** Something that is so in a container and not in its migrations, or the other way round. */
export interface Difference {
  readonly kind: string;
  /** `documents`, `documents.title`, `bulkhead_wall on documents`. */
  readonly object: string;
  /** Continues the sentence “the policy bulkhead_wall on documents …”. */
  readonly problem: string;
  /** Runs in the container's schema. A line that begins with `--` is for a person to decide. */
  readonly mend: string;
}

export interface DriftedContainer {
  readonly container: string;
  readonly tenant: TenantId | undefined;
  readonly slug: string | undefined;
  readonly version: string;
  readonly differences: readonly Difference[];
}

export interface DriftReport {
  /** Containers that were compared. */
  readonly compared: number;
  /** Facts in each of them, at the newest version. */
  readonly facts: number;
  readonly drifted: readonly DriftedContainer[];
  readonly unreachable: FleetVersions['unreachable'];
}
