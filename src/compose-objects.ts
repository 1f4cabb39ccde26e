import { join } from 'node:path';
import { createObjects } from './compartments/objects/compartment.ts';
import { ObjectKeys } from './compartments/objects/keys.ts';
import type { ObjectsCompartment } from './compartments/objects/objects.ts';
import type { ComposeInput } from './compose.ts';
import { createIsolationAlarm, createLivenessCheck, createResidences } from './compose-watches.ts';
import type { Config } from './config.ts';
import type { BlobStore } from './drivers/blobs.ts';
import { openFolderStore } from './drivers/objects-folder/folder.ts';
import { openS3Store } from './drivers/s3/s3.ts';
import type { Registry } from './registry/registry.ts';

const s3TimeoutMs = 15_000;

/** The part of `compose` that is about objects. */
export async function openObjects(input: ComposeInput, registry: Registry): Promise<ObjectsCompartment> {
  const { config, clock } = input;
  const residences = createResidences(registry, 'objects');
  return createObjects({
    store: openBlobStore(config),
    keys: await ObjectKeys.open(registry.vault),
    clock,
    limits: { maxObjectBytes: config.objects.limitBytes },
    residences: {
      peek: (tenant) => residences.peek(tenant)?.placement,
      fresh: async (tenant) => (await residences.fresh(tenant))?.placement,
    },
    assertLive: createLivenessCheck(registry, clock),
    onForeign: createIsolationAlarm(input, registry, 'objects'),
  });
}

function openBlobStore({ objects, dataDir }: Config): BlobStore {
  return objects.s3 === undefined
    ? openFolderStore(join(dataDir, 'objects'))
    : openS3Store({ ...objects.s3, timeoutMs: s3TimeoutMs });
}
