import { isBulkheadError } from '../../core/errors.ts';
import {
  missingAt,
  parseVersion,
  toVersion,
  toVersionText,
  type SchemaVersion,
} from '../../core/schema-version.ts';
import type { AdminDatabase } from '../../drivers/sql.ts';
import type { ContainerVersions } from '../../registry/registry.ts';
import type { ContainerReading, FleetContainer, FleetContainers, FleetMigration } from '../containers.ts';
import type { ContainerState, FleetVersions } from '../fleet.ts';
import { readBooked, type BookedContainer } from '../store/inventory.ts';
import { forEachBounded } from './bounded.ts';

export interface InventoryDeps {
  readonly control: AdminDatabase;
  readonly containers: FleetContainers;
  readonly versions: ContainerVersions;
}

/** A container with what is known of it and where it is. */
export interface InventoryItem extends FleetContainer {
  readonly booked: BookedContainer;
  readonly version: SchemaVersion;
  readonly problem: string | undefined;
}

export interface Inventory {
  readonly head: SchemaVersion;
  /** Not those that are still being made: they end up at the newest by themselves. */
  readonly items: readonly InventoryItem[];
  readonly provisioning: number;
  readonly unreachable: FleetVersions['unreachable'];
}

const databasesAtATime = 6;

/** Every container and its version: one query for the books, one for each database that has to be asked. */
export async function takeInventory(
  deps: InventoryDeps,
  versions: 'cached' | 'asked' = 'cached',
): Promise<Inventory> {
  const booked = await readBooked(deps.control, deps.containers.kinds);
  const made = booked.filter(({ provisioning }) => !provisioning);
  const located = made.map((one) => ({ ...deps.containers.describe(one.address), booked: one }));
  const items: InventoryItem[] = [];
  const unreachable: { container: string; reason: string }[] = [];
  const byDatabase = [...Map.groupBy(located, ({ database }) => database).values()];
  await forEachBounded(byDatabase, databasesAtATime, async (group) => {
    try {
      items.push(...(await readGroup(deps, group, versions)));
    } catch (cause) {
      const reason = isBulkheadError(cause) ? cause.message : 'the database did not answer';
      unreachable.push(...group.map(({ address }) => ({ container: address, reason })));
    }
  });
  await deps.versions.record(changedVersions(items));
  return {
    head: toVersion(deps.containers.migrations),
    items: items.toSorted((a, b) => (a.address < b.address ? -1 : 1)),
    provisioning: booked.length - made.length,
    unreachable,
  };
}

type Located = FleetContainer & { readonly booked: BookedContainer };

async function readGroup(
  deps: InventoryDeps,
  group: readonly Located[],
  versions: 'cached' | 'asked',
): Promise<readonly InventoryItem[]> {
  const [first] = group;
  if (first === undefined) return [];
  if (first.kind === 'database' && versions === 'cached') {
    const cached = group.flatMap((one): InventoryItem[] => {
      const version = one.booked.version === undefined ? undefined : parseVersion(one.booked.version);
      return version === undefined ? [] : [{ ...one, version, problem: undefined }];
    });
    if (cached.length === group.length) return cached;
  }
  const readings = new Map((await deps.containers.read(first)).map((reading) => [reading.schema, reading]));
  return group.map((one) => {
    const reading = readings.get(one.schema);
    return reading === undefined
      ? { ...one, version: {}, problem: 'its schema is not there' }
      : { ...one, version: reading.version, problem: findProblem(reading, deps.containers.migrations) };
  });
}

function findProblem(
  { version, edited, known }: ContainerReading,
  migrations: readonly FleetMigration[],
): string | undefined {
  if (edited > 0) return 'a file was edited after it was applied here';
  const head = toVersion(migrations);
  const newer = Object.entries(version).find(([set, number]) => number > (head[set] ?? 0));
  if (newer !== undefined) return `it is at ${newer.join('/')}, which this node does not know`;
  const reached = migrations.filter(({ set, number }) => number <= (version[set] ?? 0)).length;
  return known < reached ? 'it lacks a migration from before its version' : undefined;
}

function changedVersions(items: readonly InventoryItem[]): { container: string; version: string }[] {
  return items.flatMap(({ address, booked, problem, version }) => {
    const text = toVersionText(version);
    return problem !== undefined || booked.version === text ? [] : [{ container: address, version: text }];
  });
}

/** What the container has not got yet of the sets that are for it. */
export function missingOf(
  { sets, version }: InventoryItem,
  migrations: readonly FleetMigration[],
): readonly FleetMigration[] {
  return missingAt(version, migrations).filter(({ set }) => sets.includes(set));
}

export function toContainerState(item: InventoryItem, migrations: readonly FleetMigration[]): ContainerState {
  const { booked, kind, address, version, problem } = item;
  return {
    container: address,
    kind,
    tenant: booked.tenant,
    slug: booked.slug,
    version: toVersionText(version),
    missing: missingOf(item, migrations).length,
    problem,
    frozenAt: booked.frozenAt,
  };
}
