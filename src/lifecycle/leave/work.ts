import type { Compartment } from '../../core/compartment.ts';
import type { Slug, TenantId } from '../../core/ids.ts';
import { compartmentKinds, parseIsolation, type Placement } from '../../core/placement.ts';
import type { Actor } from '../../core/scope.ts';
import type { Erasure, Operation, Registry } from '../../registry/registry.ts';
import type { JournalDeps } from '../journal.ts';
import { erasureReasons, type ErasureReason } from '../leaving.ts';

/** A place outside the compartments where something of a tenant may lie, such as the data folder. */
export interface Search {
  readonly name: string;
  /** @returns what there is, by relative path or name; never content */
  find(tenant: TenantId): Promise<readonly string[]>;
}

/** Where this node keeps a copy of the ledger, so that it outlives the database. */
export interface LedgerCopy {
  read(): Promise<readonly Erasure[]>;
  append(erasures: readonly Erasure[]): Promise<void>;
}

export interface LeaveDeps extends JournalDeps {
  readonly registry: Registry;
  readonly compartments: readonly Compartment[];
  readonly searches: readonly Search[];
  readonly ledgerCopy: LedgerCopy;
  /** Removes the files of its backups and exports, unreadable as they are. Default: there are none. */
  readonly dropArchives?: (tenant: TenantId) => Promise<{ readonly dropped: number }>;
  readonly log: (event: Readonly<Record<string, unknown>>) => void;
}

export interface EraseWork {
  readonly operation: Operation;
  readonly tenant: TenantId;
  readonly slug: Slug;
  readonly because: ErasureReason;
  readonly actor: Actor;
}

export function parseReason({ input }: Operation): ErasureReason {
  return erasureReasons.find((reason) => reason === input['because']) ?? 'requested';
}

/** The step that writes down where the tenant was, before the registry forgets it. */
export const findingPlaces = 'find places';

/** Enough to reach back over all that was ever done to a tenant. */
const lookedAt = 1_000;

/**
 * Everywhere the tenant is, and everywhere that any operation of its life meant to put it: a move that nobody confirmed
 * has left its source, and one that was broken off perhaps its target.
 */
export async function knownPlaces({ registry }: LeaveDeps, tenant: TenantId): Promise<readonly Placement[]> {
  const now = (await registry.tenants.read(tenant))?.placements ?? [];
  const operations = await registry.operations.list({ tenant, limit: lookedAt });
  const journalled = operations.flatMap(({ input, steps }) => [
    ...toPlacements(input['from'], tenant),
    ...toPlacements(input['to'], tenant),
    ...steps.flatMap(({ name, result }) => {
      if (name === findingPlaces) return toPlacements(result, tenant);
      return name.startsWith('place ') ? toPlacements([result], tenant) : [];
    }),
  ]);
  return distinct([...now, ...journalled]);
}

export function distinct(placements: readonly Placement[]): readonly Placement[] {
  return [...new Map(placements.map((placement) => [keyOf(placement), placement])).values()];
}

export function keyOf({ compartment, container }: Placement): string {
  return `${compartment} ${container}`;
}

function toPlacements(raw: unknown, tenant: TenantId): readonly Placement[] {
  return (Array.isArray(raw) ? raw : []).flatMap((each: unknown): Placement[] => {
    if (typeof each !== 'object' || each === null) return [];
    const { compartment, isolation, container } = each as Record<string, unknown>;
    const kind = compartmentKinds.find((known) => known === compartment);
    const parsed = parseIsolation(isolation);
    return kind === undefined || parsed === undefined || typeof container !== 'string'
      ? []
      : [{ tenant, compartment: kind, isolation: parsed, container }];
  });
}
