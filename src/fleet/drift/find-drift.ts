import { isBulkheadError } from '../../core/errors.ts';
import { toVersionText, upTo } from '../../core/schema-version.ts';
import type { ContainerFact, FleetContainers } from '../containers.ts';
import { forEachBounded } from '../migrate/bounded.ts';
import { takeInventory, type InventoryDeps, type InventoryItem } from '../migrate/inventory.ts';
import { allOwn } from '../migrate/plan.ts';
import { compareFacts } from './compare.ts';
import type { DriftedContainer, DriftReport } from './report.ts';

const databasesAtATime = 3;
/** Facts of a container are some hundreds; this many containers are held in memory at once. */
const containersAtATime = 100;

/** Compares every container with what the migrations of its version make. */
export async function findDrift(
  deps: InventoryDeps,
  only: readonly string[] | undefined,
): Promise<DriftReport> {
  const inventory = await takeInventory(deps, 'asked');
  const items = only === undefined ? inventory.items : only.flatMap((name) => allOwn(inventory.items, name));
  const drifted: DriftedContainer[] = [];
  const unreachable = [...inventory.unreachable];
  const expected = new ExpectedFacts(deps.containers);
  let [compared, facts] = [0, 0];
  const groups = [...Map.groupBy(items, ({ database }) => database).values()].flatMap(toChunks);
  await forEachBounded(groups, databasesAtATime, async (group) => {
    try {
      const actual = await deps.containers.facts(group);
      for (const item of group) {
        const wanted = await expected.of(item);
        facts = Math.max(facts, wanted.length);
        compared += 1;
        const differences = compareFacts(wanted, actual.get(item.address) ?? []);
        if (differences.length > 0) drifted.push({ ...toIdentity(item), differences });
      }
    } catch (cause) {
      const reason = isBulkheadError(cause) ? cause.message : 'the database did not answer';
      unreachable.push(...group.map(({ address }) => ({ container: address, reason })));
    }
  });
  return { compared, facts, drifted: drifted.toSorted(byContainer), unreachable };
}

function byContainer(a: DriftedContainer, b: DriftedContainer): number {
  return a.container < b.container ? -1 : 1;
}

function toChunks(items: readonly InventoryItem[]): readonly (readonly InventoryItem[])[] {
  return Array.from({ length: Math.ceil(items.length / containersAtATime) }, (_, index) =>
    items.slice(index * containersAtATime, (index + 1) * containersAtATime),
  );
}

function toIdentity({ address, booked, version }: InventoryItem): Omit<DriftedContainer, 'differences'> {
  return { container: address, tenant: booked.tenant, slug: booked.slug, version: toVersionText(version) };
}

/** Made once for each version, on the server it is compared with: servers write expressions in their own way. */
class ExpectedFacts {
  readonly #containers: FleetContainers;
  readonly #made = new Map<string, Promise<readonly ContainerFact[]>>();

  constructor(containers: FleetContainers) {
    this.#containers = containers;
  }

  of({ server, version }: InventoryItem): Promise<readonly ContainerFact[]> {
    const key = `${server} ${toVersionText(version)}`;
    const made =
      this.#made.get(key) ?? this.#containers.expected(server, upTo(version, this.#containers.migrations));
    this.#made.set(key, made);
    return made;
  }
}
