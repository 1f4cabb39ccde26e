import { z } from 'zod';
import { BulkheadError } from '../../core/errors.ts';
import type { Placement } from '../../core/placement.ts';
import type { Plan } from '../../core/plan.ts';
import type { BlobStore } from '../../drivers/blobs.ts';
import { manifestPlace } from './container.ts';

/** `read_only` is what a move makes of it for the time of its pause. */
export type ContainerState = 'open' | 'read_only' | 'sealed';

const shape = z.strictObject({
  version: z.literal(1),
  tenant: z.string(),
  state: z.enum(['open', 'read_only', 'sealed']),
  maxBytes: z.number().int().nonnegative().nullable(),
  maxObjects: z.number().int().nonnegative().nullable(),
});

/** What the store itself keeps of a tenant beside its objects: whether it is served, and how much it may have. */
export type Manifest = z.output<typeof shape>;

const maxManifestBytes = 4_096;

/** @returns undefined where the tenant was never provisioned here, or is erased */
export async function readManifest(store: BlobStore, placement: Placement): Promise<Manifest | undefined> {
  const found = await store.tail(manifestPlace(placement), maxManifestBytes);
  if (found === undefined) return undefined;
  const parsed = shape.safeParse(toJson(found.bytes));
  if (!parsed.success)
    throw new BulkheadError('object_damaged', {
      tenant: placement.tenant,
      reason: 'the manifest is unreadable',
    });
  if (parsed.data.tenant !== placement.tenant)
    throw new BulkheadError('foreign_row', {
      tenant: placement.tenant,
      reason: 'the manifest is of another tenant',
    });
  return parsed.data;
}

export async function writeManifest(
  store: BlobStore,
  placement: Placement,
  manifest: Manifest,
): Promise<void> {
  const bytes = Buffer.from(JSON.stringify(manifest));
  await store.put(
    manifestPlace(placement),
    (async function* () {
      yield bytes;
    })(),
  );
}

export function manifestOf(
  placement: Placement,
  limits: Pick<Manifest, 'maxBytes' | 'maxObjects'>,
): Manifest {
  return { version: 1, tenant: placement.tenant, state: 'open', ...limits };
}

export function limitsOf({ quotas }: Plan): Pick<Manifest, 'maxBytes' | 'maxObjects'> {
  return { maxBytes: quotas['storage_bytes'] ?? null, maxObjects: quotas['objects'] ?? null };
}

/** @throws tenant_inactive where the store does not serve the tenant; operation_in_progress for a write in the pause of a move */
export function assertServed(
  manifest: Manifest | undefined,
  wish: 'read' | 'write',
): asserts manifest is Manifest {
  if (manifest === undefined || manifest.state === 'sealed')
    throw new BulkheadError('tenant_inactive', { reason: 'the object store does not serve this tenant' });
  if (wish === 'write' && manifest.state === 'read_only')
    throw new BulkheadError('operation_in_progress', {
      reason: 'the tenant is being moved; try again shortly',
    });
}

function toJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
}
