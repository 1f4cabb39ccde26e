import { BulkheadError } from '../../core/errors.ts';
import type { TenantId } from '../../core/ids.ts';
import type { Isolation, Placement } from '../../core/placement.ts';
import type { BlobPlace } from '../../drivers/blobs.ts';
import type { ObjectId } from './names.ts';

/** Where a tenant's objects are. Written into a placement as `folder:shared` or `s3:own/tenant_…`. */
export interface ObjectsContainer {
  readonly store: string;
  readonly bucket: string;
}

export const sharedBucket = 'shared';
const ADDRESS = /^([a-z0-9]{1,20}):(?:(shared)|own\/(tenant_[0-9a-f]{32}))$/;

/** Shared tenants have a prefix in one bucket; all others a bucket of their own. */
export function chooseAddress(tenant: TenantId, isolation: Isolation, store: string): string {
  return isolation === 'shared' ? `${store}:shared` : `${store}:own/tenant_${tenant.replaceAll('-', '')}`;
}

/** @throws internal for an address that Bulkhead did not write */
export function parseContainer({ container, tenant }: Placement): ObjectsContainer {
  const [, store, shared, own] = ADDRESS.exec(container) ?? [];
  const bucket = shared ?? own;
  if (store !== undefined && bucket !== undefined) return { store, bucket };
  throw new BulkheadError('internal', { reason: 'unreadable container address', tenant });
}

/** Ends with a slash, so that no tenant's prefix is the beginning of another's. */
export function prefixOf(tenant: TenantId): string {
  return `${tenant}/`;
}

export function objectPrefixOf(tenant: TenantId): string {
  return `${prefixOf(tenant)}o/`;
}

/** Two digits of the id first: a folder with a million files is slow to read. */
export function placeOf(placement: Placement, id: ObjectId): BlobPlace {
  const { bucket } = parseContainer(placement);
  return { bucket, key: `${objectPrefixOf(placement.tenant)}${id.slice(0, 2)}/${id}` };
}

export function manifestPlace(placement: Placement): BlobPlace {
  return { bucket: parseContainer(placement).bucket, key: `${prefixOf(placement.tenant)}manifest` };
}

export function idOfKey(key: string): string {
  return key.slice(key.lastIndexOf('/') + 1);
}
