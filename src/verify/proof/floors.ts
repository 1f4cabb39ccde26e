/** The versions below which a known flaw lets rows of others through. Data, with a date: review it with every release. */

export const floorsReviewed = '2026-11-22';

export interface ServerFloor {
  readonly major: number;
  /** First safe release, as server_version_num. */
  readonly from: number;
  readonly name: string;
  /** The community no longer mends this major version. */
  readonly endOfLife: boolean;
}

/**
 * 17.1/16.5/15.9/14.14/13.17 mend CVE-2024-10976 (plans reused across roles) and CVE-2024-10978; the later ones below
 * mend CVE-2025-8713 (planner statistics of hidden rows). Both were mended in 18 before its first release.
 */
export const serverFloors: readonly ServerFloor[] = [
  { major: 18, from: 180_000, name: '18.0', endOfLife: false },
  { major: 17, from: 170_006, name: '17.6', endOfLife: false },
  { major: 16, from: 160_010, name: '16.10', endOfLife: false },
  { major: 15, from: 150_014, name: '15.14', endOfLife: false },
  { major: 14, from: 140_019, name: '14.19', endOfLife: true },
  { major: 13, from: 130_022, name: '13.22', endOfLife: true },
];

export interface ExtensionFloor {
  readonly name: string;
  readonly below: string;
  readonly severity: 'error' | 'warning';
  readonly reason: string;
  /** Why it does not reach containers that Bulkhead made, where it does not: then it is a warning there. */
  readonly avoided?: string;
}

export const extensionFloors: readonly ExtensionFloor[] = [
  {
    name: 'vector',
    below: '0.8.2',
    severity: 'error',
    reason: 'CVE-2026-3172: a parallel build of an HNSW index can leak data of other relations',
    avoided: 'Bulkhead builds each index in one process, and tenants may build none',
  },
  {
    name: 'vector',
    below: '0.8.7',
    severity: 'warning',
    reason: 'faults of IVFFlat indexes are mended up to 0.8.7, among them CVE-2026-18022 on 32-bit systems',
  },
];

/** Compares dotted versions number by number; a missing part counts as 0. */
export function isBelow(version: string, floor: string): boolean {
  const [have, need] = [numbersOf(version), numbersOf(floor)];
  for (let i = 0; i < Math.max(have.length, need.length); i++) {
    const difference = (have[i] ?? 0) - (need[i] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

function numbersOf(version: string): number[] {
  return version.split(/[.-]/).map((part) => Number.parseInt(part, 10) || 0);
}
