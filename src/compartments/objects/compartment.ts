import type { EraseReceipt, Usage } from '../../core/compartment.ts';
import type { Placement } from '../../core/placement.ts';
import { assertScope, type Scope } from '../../core/scope.ts';
import { TenantBlobs } from './blobs-of.ts';
import { takeCensus } from './census.ts';
import {
  chooseAddress,
  manifestPlace,
  objectPrefixOf,
  parseContainer,
  prefixOf,
  sharedBucket,
} from './container.ts';
import { createHandle } from './handle.ts';
import { limitsOf, manifestOf, readManifest, writeManifest, type ContainerState } from './manifest.ts';
import { blobsUnder, measure, UsageBook } from './measure.ts';
import type { ObjectsCompartment, ObjectsDeps, ObjectsHandle } from './objects.ts';
import { probeObjects } from './probe.ts';
import { relocateObjects } from './relocation.ts';
import { verifyUrl } from './signed-url.ts';
import { exportObjects, importObjects } from './transfer.ts';

/** Files of tenants in a folder or an S3 bucket, encrypted per tenant, under keys that no name of a caller reaches. */
export function createObjects(deps: ObjectsDeps): ObjectsCompartment {
  const { store, keys } = deps;
  const book = new UsageBook(store, deps.clock);
  const blobs = (placement: Placement): TenantBlobs => new TenantBlobs(store, keys, placement);

  const openWith = (own: ObjectsDeps, scope: Scope): ObjectsHandle => {
    assertScope(scope);
    return createHandle(own, book, scope);
  };
  const setState = async (placement: Placement, state: ContainerState): Promise<void> => {
    const manifest = await readManifest(store, placement);
    // Nothing is here, so nothing is served; and what is erased does not come back by being opened.
    if (manifest === undefined) return;
    if (manifest.state !== state) await writeManifest(store, placement, { ...manifest, state });
  };
  const erase = async (placement: Placement): Promise<EraseReceipt> => {
    const receipt = await eraseObjects(deps, blobs(placement).placement);
    if (receipt.left === 0n) await keys.dropContentKey(placement);
    return receipt;
  };

  return {
    kind: 'objects',
    async place({ tenant, isolation }) {
      return {
        tenant,
        compartment: 'objects',
        isolation,
        container: chooseAddress(tenant, isolation, store.name),
      };
    },
    async provision(placement, plan) {
      const { bucket } = parseContainer(blobs(placement).placement);
      await store.createBucket(bucket);
      await keys.makeContentKey(placement);
      const before = await readManifest(store, placement);
      const manifest = { ...manifestOf(placement, limitsOf(plan)), state: before?.state ?? 'open' };
      await writeManifest(store, placement, manifest);
    },
    open: async (scope) => openWith(deps, scope),
    seal: (placement, state) => setState(blobs(placement).placement, state),
    usage: (placement) => usageOf(deps, blobs(placement).placement),
    async *export(placement) {
      yield* exportObjects(store, blobs(placement));
    },
    import: (placement, records) => importObjects(blobs(placement), records, deps.limits.maxObjectBytes),
    move: (from, to) => relocateObjects({ store, blobs, setState, erase }, { from, to }),
    erase,
    census: (of) => takeCensus(store, of),
    probe: (target) =>
      // Its own attacks are not what an operator is to be woken for.
      probeObjects(target, { deps, open: (scope) => openWith({ ...deps, onForeign: () => {} }, scope) }),
    verifyUrl: (request) => verifyUrl(keys, deps.clock, request),
    close: () => store.close(),
  };
}

async function usageOf({ store }: ObjectsDeps, placement: Placement): Promise<readonly Usage[]> {
  const [manifest, { count, bytes }] = [
    await readManifest(store, placement),
    await measure(store, placement),
  ];
  const limit = (value: number | null | undefined): bigint | undefined =>
    value === null || value === undefined ? undefined : BigInt(value);
  return [
    { resource: 'objects', unit: 'count', amount: BigInt(count), limit: limit(manifest?.maxObjects) },
    { resource: 'object_bytes', unit: 'bytes', amount: BigInt(bytes), limit: limit(manifest?.maxBytes) },
  ];
}

/** The manifest goes first: from then on nothing is served, and nothing new is confirmed. */
async function eraseObjects({ store }: ObjectsDeps, placement: Placement): Promise<EraseReceipt> {
  const { bucket } = parseContainer(placement);
  await store.delete(manifestPlace(placement));
  let removed = 0n;
  for await (const { key } of blobsUnder(store, placement, objectPrefixOf(placement.tenant)))
    if (await store.delete({ bucket, key })) removed += 1n;
  let left = 0n;
  for await (const _ of blobsUnder(store, placement, prefixOf(placement.tenant))) left += 1n;
  if (bucket !== sharedBucket && left === 0n) await store.dropBucket(bucket);
  return { removed, left, notCovered: store.notCovered };
}
