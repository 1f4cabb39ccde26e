import type { Compartment } from '../../core/compartment.ts';
import { BulkheadError } from '../../core/errors.ts';
import type { CompartmentKind, Placement } from '../../core/placement.ts';
import type { Plan } from '../../core/plan.ts';
import type { Relocation } from '../../core/relocation.ts';
import type { Tenant } from '../../core/tenant.ts';
import type { Backup, Operation } from '../../registry/registry.ts';
import { fillingSteps, type Filling } from '../archive/fill.ts';
import { readRecords, type ArchiveFile } from '../archive/read.ts';
import { assertReadable, kindsOf } from '../archive/schemas.ts';
import { ArchiveProgress, isPassing, type ArchiveDeps } from '../archive/work.ts';
import { runSteps, type Step } from '../journal.ts';
import { isAt, placedBy, toRelocations } from '../move/work.ts';
import { compareRecords } from './diff.ts';
import { openBackup } from './work.ts';

export interface Staging {
  readonly tenant: Tenant;
  readonly plan: Plan;
  readonly backup: Backup;
  readonly operation: Operation;
}

/** Puts a backup beside the tenant's data and reads it back there. Nobody is let in. */
export async function stage(deps: ArchiveDeps, work: Staging): Promise<readonly Placement[]> {
  const { operation, backup, tenant } = work;
  const progress = new ArchiveProgress(deps.operations, operation.id, 2 * (backup.records ?? 0));
  const { file, archive } = await openBackup(deps, backup, progress.count);
  assertReadable(deps, archive.manifest);
  const placed = new Map<string, Placement>(placedBy(operation).map((each) => [each.compartment, each]));
  const kinds = kindsOf(archive.manifest.sets);
  for (const compartment of deps.compartments) {
    const { kind } = compartment;
    const from = tenant.placements.find((each) => each.compartment === kind);
    if (from === undefined || isPassing(kind)) continue;
    await runSteps(deps, operation, [placeStep(compartment, { ...work, from, placed })]);
    const place = placed.get(kind);
    if (place === undefined || isAt(place, [from])) continue;
    const fillings: readonly Filling[] = kinds.includes(kind)
      ? [toFilling(deps, { kind, file, progress, schema: archive.manifest.head.schema[kind] })]
      : [];
    await runSteps(deps, operation, [
      {
        name: `provision ${kind}`,
        run: async () => {
          // What a restore before this one has left there would be neither replaced nor found out.
          await compartment.move(from, place).discard();
          await compartment.provision(place, work.plan);
          await compartment.seal(place, 'sealed');
        },
      },
      ...fillingSteps(deps, operation, { fillings, placed }),
    ]);
  }
  return stagedOf(tenant.placements, [...placed.values()]);
}

function placeStep(
  compartment: Compartment,
  work: Staging & { readonly from: Placement; readonly placed: Map<string, Placement> },
): Step {
  const { tenant, plan, from, placed } = work;
  return {
    name: `place ${compartment.kind}`,
    run: async () => {
      const { id, isolation, region } = tenant;
      const placement = await compartment.place({
        tenant: id,
        isolation,
        region,
        plan,
        server: undefined,
        beside: from,
      });
      placed.set(compartment.kind, placement);
      return placement;
    },
  };
}

function toFilling(
  deps: ArchiveDeps,
  from: {
    readonly kind: CompartmentKind;
    readonly file: ArchiveFile;
    readonly progress: ArchiveProgress;
    readonly schema: string | undefined;
  },
): Filling {
  const { kind, file, progress, schema } = from;
  return {
    kind,
    schema: schema === deps.newestSchemas.get(kind) ? undefined : schema,
    records: () => progress.counted(readRecords(file, kind)),
  };
}

/** A store that has answered with the same place cannot hold a tenant twice. */
export function stagedOf(from: readonly Placement[], placed: readonly Placement[]): readonly Placement[] {
  return placed.filter((each) => !isAt(each, from));
}

/** What a swap would change, compartment by compartment. */
export function differingSteps(
  deps: ArchiveDeps,
  way: { readonly from: readonly Placement[]; readonly to: readonly Placement[] },
): readonly Step[] {
  return way.to.flatMap((to): readonly Step[] => {
    const compartment = deps.compartments.find(({ kind }) => kind === to.compartment);
    const from = way.from.find((each) => each.compartment === to.compartment);
    if (compartment === undefined || from === undefined) return [];
    return [
      {
        name: `diff ${to.compartment}`,
        run: () => compareRecords(to.compartment, compartment.export(from), compartment.export(to)),
      },
    ];
  });
}

/** Takes away what `stage` has put there. Credentials stay: they are those of the tenant's own place too. */
export async function discardStaged(
  deps: ArchiveDeps,
  way: { readonly from: readonly Placement[]; readonly to: readonly Placement[] },
): Promise<void> {
  for (const relocation of relocationsOf(deps, way)) await relocation.discard();
}

export function relocationsOf(
  deps: ArchiveDeps,
  way: { readonly from: readonly Placement[]; readonly to: readonly Placement[] },
): readonly Relocation[] {
  for (const to of way.to)
    if (isAt(to, way.from)) throw new BulkheadError('internal', { reason: 'a place beside itself' });
  return toRelocations(deps, way);
}
