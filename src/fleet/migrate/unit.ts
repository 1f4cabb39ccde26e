import { isBulkheadError } from '../../core/errors.ts';
import { toVersion, toVersionText } from '../../core/schema-version.ts';
import type { Clock } from '../../core/clock.ts';
import type { ContainerVersions } from '../../registry/registry.ts';
import type { FleetContainers } from '../containers.ts';
import type { EndedContainer } from '../store/runs.ts';
import type { PlannedWork } from './plan.ts';

/** What one worker takes on at a time: containers of one database that lack the same. */
export interface Unit {
  readonly server: string;
  readonly work: readonly PlannedWork[];
}

export interface UnitDeps {
  readonly containers: FleetContainers;
  readonly versions: ContainerVersions;
  readonly clock: Clock;
}

/**
 * Containers of one database go together in one transaction: one round trip and one commit for all of them. So many that
 * the first one's locks are held for some tens of milliseconds only.
 */
const containersTogether = 20;
const migrationsTogether = 40;

/** Proved and journalled together: a question to the catalogue of a thousand schemas costs the same for one as for many. */
const containersInUnit = 100;

export function toUnits(work: readonly PlannedWork[], size: 'one' | 'many'): readonly Unit[] {
  const groups = Map.groupBy(work, ({ item, migrations }) =>
    JSON.stringify([item.database, item.kind, migrations.map(({ set, number }) => [set, number])]),
  );
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const count = size === 'one' ? 1 : containersInUnit;
    const { server } = first.item;
    return chunksOf(group, count).map((part) => ({ server, work: part }));
  });
}

function chunksOf<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}

/**
 * What fails is data.
 * @param isEnough asked with the number of failures so far; true leaves the rest of the unit as it is
 */
export async function runUnit(
  deps: UnitDeps,
  unit: Unit,
  isEnough: (failures: number) => boolean,
): Promise<readonly EndedContainer[]> {
  const ended: EndedContainer[] = [];
  const perContainer = unit.work[0]?.migrations.length ?? 1;
  const together = Math.max(1, Math.min(containersTogether, Math.floor(migrationsTogether / perContainer)));
  for (const work of chunksOf(unit.work, together)) {
    if (isEnough(ended.filter(({ state }) => state === 'failed').length)) break;
    const done = work.length > 1 ? await runTogether(deps, work) : undefined;
    ended.push(...(done ?? (await runEach(deps, work))));
  }
  await deps.versions.record(
    ended.flatMap(({ container, to }) => (to === undefined ? [] : [{ container, version: to }])),
  );
  return await proved(deps, unit, ended);
}

/** What the proof finds wrong has failed, whatever version it is at. */
async function proved(
  deps: UnitDeps,
  unit: Unit,
  ended: readonly EndedContainer[],
): Promise<readonly EndedContainer[]> {
  const done = new Set(ended.filter(({ state }) => state === 'done').map(({ container }) => container));
  const broken = await prove(
    deps,
    unit.work.filter(({ item }) => done.has(item.address)),
  );
  return ended.map((one) => {
    const reason = broken.get(one.container);
    return reason === undefined ? one : { ...one, state: 'failed', code: 'table_unwalled', reason };
  });
}

function doneAt({ item, migrations }: PlannedWork, durationMs: number): EndedContainer {
  const to = toVersionText({ ...item.version, ...toVersion(migrations) });
  return { container: item.address, state: 'done', to, code: undefined, reason: undefined, durationMs };
}

/** @returns undefined where one of them has a reason of its own, which is found by taking them one by one */
async function runTogether(
  { containers, clock }: UnitDeps,
  work: readonly PlannedWork[],
): Promise<readonly EndedContainer[] | undefined> {
  const startedMs = clock.monotonicMs();
  try {
    await containers.migrateTogether(work.map(({ item, migrations }) => ({ container: item, migrations })));
  } catch {
    return undefined;
  }
  const eachMs = (clock.monotonicMs() - startedMs) / work.length;
  return work.map((one) => doneAt(one, eachMs));
}

async function runEach(
  { containers, clock }: UnitDeps,
  work: readonly PlannedWork[],
): Promise<readonly EndedContainer[]> {
  const ended: EndedContainer[] = [];
  for (const one of work) {
    const startedMs = clock.monotonicMs();
    const elapsed = (): number => clock.monotonicMs() - startedMs;
    try {
      await containers.migrate({ container: one.item, migrations: one.migrations });
      ended.push(doneAt(one, elapsed()));
    } catch (cause) {
      const code = isBulkheadError(cause) ? cause.code : 'internal';
      const base = { container: one.item.address, state: 'failed' as const, to: undefined, code };
      ended.push({ ...base, reason: toReason(cause), durationMs: elapsed() });
    }
  }
  return ended;
}

/** File and line where there are any: the reason is read far from the container. */
function toReason(cause: unknown): string {
  if (!isBulkheadError(cause)) return cause instanceof Error ? cause.message : 'unexpected error';
  const { file, line, reason } = cause.detail;
  const text = typeof reason === 'string' ? reason : cause.message;
  return typeof file === 'string' ? `${file}:${String(line ?? 1)}: ${text}` : text;
}

/** After each, and before it counts as done. A proof that cannot be had is no proof. */
async function prove(
  { containers }: UnitDeps,
  work: readonly PlannedWork[],
): Promise<ReadonlyMap<string, string>> {
  if (work.length === 0) return new Map();
  try {
    return await containers.prove(work.map(({ item }) => item));
  } catch (cause) {
    const reason = `the wall could not be proved: ${toReason(cause)}`;
    return new Map(work.map(({ item }) => [item.address, reason]));
  }
}
