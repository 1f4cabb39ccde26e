import type { Clock } from './clock.ts';
import type { ExportRecord } from './export-record.ts';
import type { TenantId } from './ids.ts';
import type { CompartmentKind, Isolation, Placement } from './placement.ts';
import type { Plan } from './plan.ts';
import type { Relocation } from './relocation.ts';
import type { Scope } from './scope.ts';

/** What a compartment is told when a tenant is to be placed. */
export interface PlacementRequest {
  readonly tenant: TenantId;
  readonly isolation: Isolation;
  readonly region: string | undefined;
  readonly plan: Plan;
  /** A named server, for dedicated tenants; undefined = any free one. */
  readonly server: string | undefined;
  /** `preview`: says where it would be and reserves nothing. */
  readonly hold?: 'preview';
  /**
   * A second place for a tenant that has this one, on the same server, to be made ready while the first is in use. A store
   * that cannot hold a tenant twice answers with the same place.
   */
  readonly beside?: Placement;
}

/** Amount and limit of one thing a tenant or container uses. */
export interface Usage {
  readonly resource: string;
  readonly unit: 'rows' | 'bytes' | 'connections' | 'count';
  readonly amount: bigint;
  /** undefined = the store sets none. */
  readonly limit: bigint | undefined;
}

export type { ExportRecord } from './export-record.ts';

/** What the importing store is told of where the records come from. */
export interface ImportOptions {
  /** Version of the shape the records have, as the archive names it; undefined = that of the placement. */
  readonly schema?: string | undefined;
}

export interface ImportReceipt {
  readonly imported: bigint;
  /** SHA-256 over the canonical form of every record of a set, order-free, by set. */
  readonly hashes: Readonly<Record<string, string>>;
}

/** What an erasure did. `left` is counted by another query than the one that removed; other than 0 is a failure. */
export interface EraseReceipt {
  readonly removed: bigint;
  readonly left: bigint;
  readonly notCovered: readonly string[];
}

/** Something of a tenant, found by looking at the store and not at the registry. */
export interface Resident {
  /** Where it is; `erase` takes it. */
  readonly placement: Placement;
  /** Data, in the unit that `erase` counts in. 0 where only everyone was asked for: then containers are named, not counted. */
  readonly records: bigint;
  /** What else is there, by name: `schema`, `role`. Never data. */
  readonly holds: readonly string[];
}

export interface Census {
  readonly residents: readonly Resident[];
  /** What could not be looked at, such as a server that does not answer, and why. */
  readonly notSeen: readonly { readonly place: string; readonly reason: string }[];
}

/** One probe's result. Untested is never counted as held. */
export interface Finding {
  readonly probe: string;
  readonly attack: string;
  readonly result: 'held' | 'leaked' | 'untested';
  readonly because: string;
}

/** Two tenants of the store under attack. `canary` never appears in a probe: probes carry its SHA-256. */
export interface ProbeTarget {
  readonly attacker: Scope;
  readonly victim: Scope;
  readonly clock: Clock;
}

/**
 * A store that tenants' data lives in. What we do to tenants is a loop over these.
 * Every verb is idempotent: the loops repeat a step whose end they did not see.
 */
export interface Compartment<Handle extends AsyncDisposable = AsyncDisposable> {
  readonly kind: CompartmentKind;
  /** Chooses a container; what it reserves, `erase` gives back. @throws isolation_unavailable */
  place(request: PlacementRequest): Promise<Placement>;
  /** Makes the container ready. After a failure, `erase` undoes whatever part was done. */
  provision(placement: Placement, plan: Plan): Promise<void>;
  /** The only way to data. The only place where role, path, context, prefix or namespace is set. */
  open(scope: Scope): Promise<Handle>;
  /** `sealed`: ends every live capability of the tenant inside the store itself, until `open` again. The data stays. */
  seal(placement: Placement, state: 'sealed' | 'open'): Promise<void>;
  usage(placement: Placement): Promise<readonly Usage[]>;
  /** Everything of the tenant as it was at one instant, sealed or not. Holds nothing open for a reader that has gone away. */
  export(placement: Placement): AsyncIterable<ExportRecord>;
  import(
    placement: Placement,
    records: AsyncIterable<ExportRecord>,
    options?: ImportOptions,
  ): Promise<ImportReceipt>;
  /** The way there in steps; the target is provisioned and sealed by the caller. Nothing is done by calling this. */
  move(from: Placement, to: Placement): Relocation;
  erase(placement: Placement): Promise<EraseReceipt>;
  /**
   * Whoever the store holds anything of, wherever in it; the registry is not asked. What was erased is not among them;
   * what came back with a backup, or was never finished, is. A part that cannot be reached is named and does not throw.
   */
  census(of: readonly TenantId[] | 'everyone'): Promise<Census>;
  probe(target: ProbeTarget): Promise<readonly Finding[]>;
  close(): Promise<void>;
}
