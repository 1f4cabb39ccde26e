import { BulkheadError } from '../../core/errors.ts';
import {
  parseVersion,
  toVersion,
  toVersionText,
  upTo,
  type SchemaVersion,
} from '../../core/schema-version.ts';
import type { FleetContainers, FleetMigration } from '../containers.ts';
import type { MigrationPlan, MigrationScope, PlannedContainer } from '../fleet.ts';
import { missingOf, type Inventory, type InventoryItem } from './inventory.ts';

/** A container with what it is to get. */
export interface PlannedWork {
  readonly item: InventoryItem;
  readonly ring: 'canary' | 'rest';
  readonly migrations: readonly FleetMigration[];
}

export interface FleetPlan {
  readonly target: SchemaVersion;
  readonly work: readonly PlannedWork[];
  readonly frozen: readonly PlannedWork[];
  readonly upToDate: number;
}

/** @throws value_invalid for a version or a canary that there is not */
export function toPlan(
  inventory: Inventory,
  migrations: readonly FleetMigration[],
  scope: MigrationScope,
): FleetPlan {
  const target = toTarget(scope.to, migrations);
  const due = upTo(target, migrations);
  const chosen = choose(inventory, scope.only);
  const canaries = toCanaries(chosen, scope.canary);
  const work: PlannedWork[] = [];
  const frozen: PlannedWork[] = [];
  for (const item of chosen) {
    const missing = missingOf(item, due);
    if (missing.length === 0) continue;
    const ring = canaries.has(item.address) ? 'canary' : 'rest';
    const allowed = upTo(limitOf(item, target), missing);
    if (allowed.length > 0) work.push({ item, ring, migrations: allowed });
    else frozen.push({ item, ring, migrations: missing });
  }
  return { target, work, frozen, upToDate: chosen.length - work.length - frozen.length };
}

/** @throws value_invalid */
export function toTarget(to: string | undefined, migrations: readonly FleetMigration[]): SchemaVersion {
  const head = toVersion(migrations);
  if (to === undefined) return head;
  const wanted = parseVersion(to);
  const known = (set: string, number: number): boolean =>
    migrations.some((migration) => migration.set === set && migration.number === number);
  if (wanted === undefined || !Object.entries(wanted).every(([set, number]) => known(set, number)))
    throw new BulkheadError('value_invalid', {
      field: 'to',
      reason: 'there is no such version',
      hint: `versions are written like ${toVersionText(head)}`,
    });
  return { ...head, ...wanted };
}

function limitOf({ booked }: InventoryItem, target: SchemaVersion): SchemaVersion {
  const frozenAt = booked.frozenAt === undefined ? undefined : parseVersion(booked.frozenAt);
  if (frozenAt === undefined) return target;
  const sets = Object.entries(target);
  return Object.fromEntries(sets.map(([set, number]) => [set, Math.min(number, frozenAt[set] ?? 0)]));
}

function choose({ items }: Inventory, only: readonly string[] | undefined): readonly InventoryItem[] {
  if (only === undefined) return items;
  return only.flatMap((name) => allOwn(items, name));
}

/** The containers that a tenant has to itself; one for each compartment that keeps tables. @throws value_invalid */
export function allOwn(items: readonly InventoryItem[], name: string): readonly InventoryItem[] {
  const found = items.filter(({ booked }) => booked.tenant === name || booked.slug === name);
  if (found.length > 0) return found;
  throw new BulkheadError('value_invalid', {
    field: 'tenant',
    tenant: name,
    reason: 'no tenant of this name has a container of its own',
    hint: 'tenants of the shared schema are migrated together',
  });
}

function toCanaries(items: readonly InventoryItem[], canary: MigrationScope['canary']): ReadonlySet<string> {
  if (canary === undefined) return new Set();
  if (typeof canary !== 'number')
    return new Set(canary.flatMap((name) => allOwn(items, name)).map(({ address }) => address));
  // Never a shared one: a canary is there so that many are not hit at once.
  const own = items.filter(({ kind, booked }) => kind !== 'shared' && booked.frozenAt === undefined);
  return new Set(own.slice(0, canary).map(({ address }) => address));
}

export function toPlanned({ item, ring, migrations }: PlannedWork): PlannedContainer {
  return {
    container: item.address,
    tenant: item.booked.tenant,
    slug: item.booked.slug,
    ring,
    from: toVersionText(item.version),
    to: toVersionText({ ...item.version, ...toVersion(migrations) }),
    migrations: migrations.map(({ set, file }) => `${set}/${file}`),
  };
}

/** For people: with the SQL, which is the same for all containers that are at one version. */
export function toMigrationPlan(
  containers: FleetContainers,
  inventory: Inventory,
  plan: FleetPlan,
): MigrationPlan {
  const byStep = Map.groupBy(plan.work, ({ item, migrations }) =>
    JSON.stringify([toVersionText(item.version), migrations.map(({ set, number }) => [set, number])]),
  );
  const sql = [...byStep.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const text = containers.toSql({ container: first.item, migrations: first.migrations });
    return [{ from: toVersionText(first.item.version), containers: group.length, sql: text }];
  });
  return {
    target: toVersionText(plan.target),
    containers: plan.work.map(toPlanned),
    frozen: plan.frozen.map(toPlanned),
    upToDate: plan.upToDate,
    unreachable: inventory.unreachable,
    sql,
  };
}
