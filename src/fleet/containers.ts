import type { SchemaVersion } from '../core/schema-version.ts';

export interface FleetMigration {
  readonly set: string;
  readonly number: number;
  readonly name: string;
  readonly file: string;
}

/** One place that tables of tenants are in. */
export interface FleetContainer {
  /** As placements have it. */
  readonly address: string;
  readonly kind: 'shared' | 'schema' | 'database';
  /** Names of the sets of migrations that are for it. */
  readonly sets: readonly string[];
  readonly server: string;
  /** The same for all containers of one database. */
  readonly database: string;
  readonly schema: string;
}

/** What one container says of itself. */
export interface ContainerReading {
  readonly schema: string;
  readonly version: SchemaVersion;
  /** Migrations whose file was edited after they were applied. */
  readonly edited: number;
  /** Migrations at or before its version that it has, out of those this node knows. */
  readonly known: number;
}

/** One thing that is so in a container: a column, a policy, a right. Comparable between containers. */
export interface ContainerFact {
  readonly kind: string;
  readonly table: string;
  readonly name: string;
  readonly definition: string;
}

/** A container and the migrations it is to get. */
export interface ContainerWork {
  readonly container: FleetContainer;
  readonly migrations: readonly FleetMigration[];
}

/**
 * What the fleet is given of the compartments that keep tables. Containers passed together are all of one database, and
 * each call asks that database once.
 */
export interface FleetContainers {
  /** Of all sets, in the order they are applied in. */
  readonly migrations: readonly FleetMigration[];
  /** The compartments that keep tables. */
  readonly kinds: readonly string[];
  /** @throws internal for an address that Bulkhead did not write */
  describe(address: string): FleetContainer;
  sharedOn(server: string): FleetContainer;
  /** Every container of the database that `one` is in. */
  read(one: FleetContainer): Promise<readonly ContainerReading[]>;
  /** In one transaction, without waiting for locks: all of them or none. */
  migrateTogether(work: readonly ContainerWork[]): Promise<void>;
  /** Alone, waiting its turn and trying again. @throws migration_refused, operation_in_progress */
  migrate(work: ContainerWork): Promise<void>;
  /** What `migrate` would send. */
  toSql(work: ContainerWork): string;
  /** @returns what is wrong with the wall of each container where something is, by address */
  prove(containers: readonly FleetContainer[]): Promise<ReadonlyMap<string, string>>;
  /** By address. */
  facts(containers: readonly FleetContainer[]): Promise<ReadonlyMap<string, readonly ContainerFact[]>>;
  /** What these migrations make of an empty container. */
  expected(server: string, migrations: readonly FleetMigration[]): Promise<readonly ContainerFact[]>;
}

/**
 * The whole proof over containers of one database, one question to it for all of them.
 * @returns what breaks it in each where something does, by address
 */
export type FleetProver = (containers: readonly FleetContainer[]) => Promise<ReadonlyMap<string, string>>;
