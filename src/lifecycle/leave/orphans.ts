import type { Resident } from '../../core/compartment.ts';
import { BulkheadError } from '../../core/errors.ts';
import type { TenantId } from '../../core/ids.ts';
import type { Placement } from '../../core/placement.ts';
import type { Actor } from '../../core/scope.ts';
import type { Tenant } from '../../core/tenant.ts';
import type { ErasedPlace, Orphan, Orphans } from '../leaving.ts';
import { takeCensus } from './hunt.ts';
import { keyOf, knownPlaces, type LeaveDeps } from './work.ts';

const pageSize = 1_000;

/** Compares what the stores hold with what the registry says, both ways. */
export async function findOrphans(deps: LeaveDeps): Promise<Orphans> {
  // The stores first: who is made meanwhile is in the registry when that is read.
  const { residents, notSeen } = await takeCensus(deps, 'everyone');
  const tenants = await readAll(deps);
  const busy = new Set(
    (await deps.registry.operations.list({ state: 'running', limit: pageSize })).map(({ tenant }) => tenant),
  );
  const orphans: Orphan[] = [];
  for (const resident of residents) {
    const kind = await kindOf(deps, resident, { tenant: tenants.get(resident.placement.tenant), busy });
    if (kind !== undefined) orphans.push({ kind, placement: resident.placement, holds: resident.holds });
  }
  const there = new Set(residents.map(({ placement }) => `${placement.tenant} ${keyOf(placement)}`));
  const missing = [...tenants.values()]
    .filter(({ id, state }) => state !== 'provisioning' && !busy.has(id))
    .flatMap(({ placements }) => placements)
    .filter((placement) => !there.has(`${placement.tenant} ${keyOf(placement)}`));
  return { orphans, missing: notSeen.length === 0 ? missing : [], notSeen };
}

/** Living tenants by id. */
async function readAll({ registry }: LeaveDeps): Promise<ReadonlyMap<TenantId, Tenant>> {
  const all = new Map<TenantId, Tenant>();
  for (let cursor: string | undefined; ;) {
    const page = await registry.tenants.list({ limit: pageSize, cursor });
    for (const tenant of page.tenants) all.set(tenant.id, tenant);
    cursor = page.nextCursor;
    if (cursor === undefined) return all;
  }
}

async function kindOf(
  deps: LeaveDeps,
  { placement }: Pick<Resident, 'placement'>,
  known: { readonly tenant: Tenant | undefined; readonly busy: ReadonlySet<TenantId> },
): Promise<Orphan['kind'] | undefined> {
  const { tenant, busy } = known;
  if (busy.has(placement.tenant)) return undefined;
  if (tenant === undefined)
    return (await deps.registry.tenants.read(placement.tenant)) === undefined ? 'unknown' : 'erased';
  const places = await knownPlaces(deps, tenant.id);
  return places.some((place) => keyOf(place) === keyOf(placement)) ? undefined : 'misplaced';
}

/** Looked at once more, at the moment it is removed: what belongs to a living tenant stays. */
export async function removeOrphan(deps: LeaveDeps, container: string, actor: Actor): Promise<ErasedPlace> {
  const { orphans } = await findOrphans(deps);
  const orphan = orphans.find(({ placement }) => nameOf(placement) === container);
  if (orphan === undefined)
    throw new BulkheadError('not_found', { reason: 'there is no such orphan; list them for their names' });
  const { placement, kind } = orphan;
  if (kind === 'misplaced')
    throw new BulkheadError('transition_refused', {
      tenant: placement.tenant,
      reason: 'its tenant is alive, and may want what is there',
      hint: 'compare it with where the tenant lives; it is removed when the tenant is erased',
    });
  const { residents } = await takeCensus(deps, [placement.tenant]);
  const seen = residents.find((resident) => keyOf(resident.placement) === keyOf(placement));
  const compartment = deps.compartments.find((each) => each.kind === placement.compartment);
  const receipt = await compartment?.erase(placement);
  const removed = Number(receipt?.removed ?? 0n);
  deps.registry.audit.record({
    tenant: placement.tenant,
    actor,
    action: 'orphan.removed',
    severity: 'high',
    requestId: undefined,
    detail: { compartment: placement.compartment, container: placement.container, removed },
  });
  await deps.registry.audit.flush();
  return {
    compartment: placement.compartment,
    container: placement.container,
    before: seen === undefined ? null : Number(seen.records),
    removed,
    after: Number(receipt?.left ?? 0n),
    problem: null,
  };
}

/** A shared container has many tenants; of an orphan in it only its own rows are meant. */
export function nameOf({ tenant, container }: Placement): string {
  return container.includes(tenant.replaceAll('-', '')) ? container : `${container}/${tenant}`;
}
