import type { Census, Resident } from '../../core/compartment.ts';
import { isBulkheadError } from '../../core/errors.ts';
import { parseTenantId, type TenantId } from '../../core/ids.ts';
import type { Placement } from '../../core/placement.ts';
import type { BlobStore } from '../../drivers/blobs.ts';
import { chooseAddress, objectPrefixOf, parseContainer, prefixOf, sharedBucket } from './container.ts';
import { blobsUnder } from './measure.ts';

/** Whoever the store holds anything of: prefixes of the shared bucket, and buckets of tenants' own. */
export async function takeCensus(store: BlobStore, of: readonly TenantId[] | 'everyone'): Promise<Census> {
  try {
    const seen = await placesIn(store);
    const asked = of === 'everyone' ? undefined : new Set(of);
    const residents: Resident[] = [];
    for (const placement of seen)
      if (asked === undefined) residents.push({ placement, records: 0n, holds: ['objects'] });
      else if (asked.has(placement.tenant)) residents.push(await describe(store, placement));
    return { residents, notSeen: [] };
  } catch (cause) {
    if (!isBulkheadError(cause, 'compartment_unreachable')) throw cause;
    const { reason } = cause.detail;
    return {
      residents: [],
      notSeen: [{ place: store.name, reason: typeof reason === 'string' ? reason : cause.message }],
    };
  }
}

async function placesIn(store: BlobStore): Promise<readonly Placement[]> {
  const places: Placement[] = [];
  for (const bucket of await store.buckets()) {
    const names =
      bucket === sharedBucket ? await store.topLevel(bucket) : [toHyphens(bucket.slice('tenant_'.length))];
    const isolation = bucket === sharedBucket ? 'shared' : 'database';
    for (const tenant of names.flatMap((name) => parseTenantId(name) ?? []))
      places.push({
        tenant,
        compartment: 'objects',
        isolation,
        container: chooseAddress(tenant, isolation, store.name),
      });
  }
  return places;
}

async function describe(store: BlobStore, placement: Placement): Promise<Resident> {
  let records = 0n;
  let others = false;
  const objects = objectPrefixOf(placement.tenant);
  for await (const { key } of blobsUnder(store, placement, prefixOf(placement.tenant)))
    if (key.startsWith(objects)) records += 1n;
    else others = true;
  const own = parseContainer(placement).bucket === sharedBucket ? [] : ['bucket'];
  return { placement, records, holds: [...own, ...(others ? ['manifest'] : [])] };
}

/** 32 hexadecimal digits as a UUID. */
function toHyphens(hex: string): string {
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
