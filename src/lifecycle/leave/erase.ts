import { setTimeout } from 'node:timers/promises';
import { BulkheadError } from '../../core/errors.ts';
import type { TenantId } from '../../core/ids.ts';
import type { Operation } from '../../registry/registry.ts';
import { keepingLease, runSteps, toCallerError, toFailure, type Step } from '../journal.ts';
import type { ErasedPlace, ErasureReceipt, Hunt, SignedReceipt } from '../leaving.ts';
import { erasePlace, hasSomething, isLost, notCoveredBy, type PlaceToErase } from './erase-place.ts';
import { hunt, takeCensus } from './hunt.ts';
import { neverCovered, storeReceipt } from './receipt.ts';
import { findingPlaces, keyOf, knownPlaces, type EraseWork, type LeaveDeps } from './work.ts';

/**
 * The whole erasure: keys first, then every place, then a hunt for what was overlooked, the registry last. Up to the
 * ledger's entry it may be refused; after that it is carried through, by `recover` where this process cannot.
 * @returns a partial receipt where something could not be reached or was left; the operation then goes on running
 */
export async function runErase(deps: LeaveDeps, work: EraseWork): Promise<SignedReceipt> {
  const { operation } = work;
  try {
    await runSteps(deps, operation, openingSteps(deps, work));
    await sealAll(deps, operation);
    await runSteps(deps, operation, pointOfNoReturn(deps, work));
  } catch (cause) {
    if (!isLost(cause)) await giveUp(deps, work, cause);
    throw toCallerError(cause);
  }
  try {
    return await keepingLease(deps, operation, () => eraseEverywhere(deps, work));
  } catch (cause) {
    // Whatever it was: it stays running, its lease ends, and the next round goes on with it.
    throw toCallerError(cause);
  }
}

/** Nothing was destroyed yet. */
async function giveUp({ operations }: LeaveDeps, { operation }: EraseWork, cause: unknown): Promise<void> {
  const failure = toFailure(cause);
  await operations.end(operation.id, { state: 'failed', failure });
}

function openingSteps({ registry }: LeaveDeps, work: EraseWork): readonly Step[] {
  const { tenant: id, because, actor } = work;
  return [
    {
      name: 'admit',
      run: async () => {
        const tenant = await registry.tenants.read(id);
        if (tenant === undefined) throw new BulkheadError('tenant_not_found');
        if (because === 'came_back') {
          if ((await registry.erasures.read(id)) === undefined)
            throw new BulkheadError('transition_refused', { reason: 'it is not in the ledger of erasures' });
          return;
        }
        if (because === 'retention_ended' && !(await registry.erasures.isDue(id)))
          throw new BulkheadError('transition_refused', { reason: 'its retention has not ended' });
        const children = await registry.tenants.children(id);
        if (children.length > 0) throw hasChildren(children.map(({ slug }) => slug));
      },
    },
    {
      name: 'offboarded',
      run: async () => {
        const tenant = await registry.tenants.read(id);
        // Restored in the middle of being made: it has to live for a moment to die as others do.
        if (tenant?.state === 'provisioning') await registry.tenants.transition(id, 'provisioned', actor);
        if (tenant?.state !== 'offboarding' && tenant?.state !== 'deleted')
          await registry.tenants.offboard(id, 0, actor);
      },
    },
  ];
}

function hasChildren(slugs: readonly string[]): BulkheadError {
  const named = slugs.slice(0, 5);
  return new BulkheadError('transition_refused', {
    children: named,
    reason: `it has children that are not erased: ${named.join(', ')}${slugs.length > 5 ? ' and more' : ''}`,
    hint: 'erase them first',
  });
}

/** A store that is down serves nobody, and is erased when it is back. */
async function sealAll(deps: LeaveDeps, operation: Operation): Promise<void> {
  const tenant = await deps.registry.tenants.read(operation.tenant);
  for (const placement of tenant?.placements ?? []) {
    const compartment = deps.compartments.find(({ kind }) => kind === placement.compartment);
    if (compartment === undefined) continue;
    const step = {
      name: `sealed ${placement.compartment}`,
      run: () => compartment.seal(placement, 'sealed'),
    };
    try {
      await runSteps(deps, operation, [step]);
    } catch (cause) {
      if (isLost(cause)) throw cause;
    }
  }
}

function pointOfNoReturn(deps: LeaveDeps, work: EraseWork): readonly Step[] {
  const { registry, ledgerCopy, dropArchives, log } = deps;
  const { tenant, slug, operation, actor } = work;
  return [
    { name: findingPlaces, run: () => knownPlaces(deps, tenant) },
    {
      name: 'ledger',
      run: async () => {
        const entry = await registry.erasures.enter({ tenant, slug, operation: operation.id }, actor);
        // What could not be written now is copied by the next replay.
        await ledgerCopy.append([entry]).catch(() => log({ event: 'ledger.copy_failed', tenant }));
      },
    },
    { name: 'credentials', run: () => registry.erasures.dropCredentials(tenant) },
    {
      name: 'archives',
      // Without the tenant's key they are noise; what cannot be removed now stays that.
      run: async () =>
        await dropArchives?.(tenant).catch(() => log({ event: 'archives.drop_failed', tenant })),
    },
  ];
}

/** So often it looks whether there is something, before it says so and waits. */
const rounds = 3;
const looks = 10;
const lookAgainMs = 300;

async function eraseEverywhere(deps: LeaveDeps, work: EraseWork): Promise<SignedReceipt> {
  const { operation, tenant } = work;
  const erased = new Map<string, ErasedPlace>();
  for (let round = 0; round < rounds; round += 1) {
    const places = await placesToErase(deps, work);
    const undone = places.filter((place) => !erased.has(keyOf(place.placement)) || hasSomething(place));
    if (undone.length === 0) break;
    for (const place of undone) erased.set(keyOf(place.placement), await erasePlace(deps, operation, place));
  }
  let found = await hunt(deps, tenant);
  const isErased = [...erased.values()].every(({ problem }) => problem === null);
  const isClean = isErased && found.found.every(({ place }) => place.startsWith('registry '));
  if (isClean) {
    await runSteps(deps, operation, [buryStep(deps, work)]);
    found = await huntOut(deps, tenant);
  }
  return await conclude(deps, work, { erased: [...erased.values()], found });
}

/** What nodes have still to write down, such as usage counted in batches, comes late and is swept up. */
async function huntOut(deps: LeaveDeps, tenant: TenantId): Promise<Hunt> {
  for (let look = 1; ; look += 1) {
    await deps.registry.erasures.sweep(tenant);
    const found = await hunt(deps, tenant);
    if (found.found.length === 0 || look === looks) return found;
    await setTimeout(lookAgainMs);
  }
}

/** Known places and those where something was found, each with what was seen there. */
async function placesToErase(deps: LeaveDeps, { tenant }: EraseWork): Promise<readonly PlaceToErase[]> {
  const { residents, notSeen } = await takeCensus(deps, [tenant]);
  const known = await knownPlaces(deps, tenant);
  const nothing = notSeen.length === 0 ? { records: 0n, holds: [] } : undefined;
  const all = new Map<string, PlaceToErase>(
    known.map((placement) => [keyOf(placement), { placement, seen: nothing }]),
  );
  for (const resident of residents)
    all.set(keyOf(resident.placement), { placement: resident.placement, seen: resident });
  return [...all.values()];
}

function buryStep({ registry }: LeaveDeps, { tenant, actor }: EraseWork): Step {
  return {
    name: 'registry',
    run: async () => {
      const now = await registry.tenants.read(tenant);
      if (now?.state !== 'deleted') await registry.tenants.transition(tenant, 'erased', actor);
    },
  };
}

async function conclude(
  deps: LeaveDeps,
  work: EraseWork,
  done: { readonly erased: readonly ErasedPlace[]; readonly found: Hunt },
): Promise<SignedReceipt> {
  const { registry, operations } = deps;
  const { erased, found } = done;
  const operation = (await operations.read(work.operation.id)) ?? work.operation;
  const kept = (await registry.erasures.traces(work.tenant)).kept;
  const isComplete = erased.every(({ problem }) => problem === null) && found.found.length === 0;
  const receipt: ErasureReceipt = {
    format: 'bulkhead erasure receipt 1',
    state: isComplete ? 'complete' : 'partial',
    tenant: work.tenant,
    slug: work.slug,
    operation: operation.id,
    because: work.because,
    requestedBy: `${operation.actor.kind} ${operation.actor.id}`,
    startedAt: operation.startedAt.toISOString(),
    // The database's clock, as of the last step.
    writtenAt: (operation.steps.at(-1)?.at ?? operation.startedAt).toISOString(),
    credentials: credentialsOf(operation),
    places: erased,
    hunt: found,
    kept,
    notCovered: [...notCoveredBy(operation), ...neverCovered],
  };
  const signed = await storeReceipt(registry, receipt);
  if (isComplete) await operations.end(operation.id, { state: 'done' });
  return signed;
}

function credentialsOf({ steps }: Operation): ErasureReceipt['credentials'] {
  const result: unknown = steps.find(({ name }) => name === 'credentials')?.result;
  const count = (name: string): number =>
    typeof result === 'object' && result !== null ? Number(Reflect.get(result, name) ?? 0) : 0;
  return { apiKeys: count('apiKeys'), secrets: count('secrets') };
}
