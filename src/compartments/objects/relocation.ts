import { BulkheadError } from '../../core/errors.ts';
import type { EraseReceipt } from '../../core/compartment.ts';
import type { Placement } from '../../core/placement.ts';
import { RecordHashes } from '../../core/record-hash.ts';
import type { CopyWatch, Relocation, Settlement } from '../../core/relocation.ts';
import type { BlobStore } from '../../drivers/blobs.ts';
import type { TenantBlobs } from './blobs-of.ts';
import { idOfKey, objectPrefixOf } from './container.ts';
import type { ContainerState } from './manifest.ts';
import { blobsUnder, measure } from './measure.ts';
import { parseObjectId, type ObjectId } from './names.ts';
import { objectSet } from './transfer.ts';
import type { ObjectFacts } from './sealed-format.ts';

export interface MoveParts {
  readonly store: BlobStore;
  readonly blobs: (placement: Placement) => TenantBlobs;
  readonly setState: (placement: Placement, state: ContainerState) => Promise<void>;
  readonly erase: (placement: Placement) => Promise<EraseReceipt>;
}

const guessedBytesPerMs = 20_000;

/**
 * A move of objects. Nothing has to be noted while it runs: an object keeps its id at the target, and each pass compares the two
 * ends and copies what differs. So the first pass carries the bulk while the tenant works, and the pause only the rest.
 */
export function relocateObjects(parts: MoveParts, way: { from: Placement; to: Placement }): Relocation {
  const { from, to } = way;
  const pass = (watch?: CopyWatch): Promise<number> => makeEqual(parts, way, watch);
  const erase = async (placement: Placement): Promise<EraseReceipt> => {
    const receipt = await parts.erase(placement);
    if (receipt.left !== 0n)
      throw new BulkheadError('internal', {
        reason: 'the erasure left objects behind',
        left: Number(receipt.left),
      });
    return receipt;
  };
  return {
    from,
    to,
    parts: [objectSet],
    async survey() {
      const { count, bytes } = await measure(parts.store, from);
      return {
        parts: [{ part: objectSet, count: BigInt(count), sizeBytes: BigInt(bytes) }],
        estimatedMs: Math.ceil(bytes / guessedBytesPerMs),
        risks: [],
        refusals: [],
      };
    },
    capture: async () => {},
    async copy(part, watch) {
      await pass(watch);
      const { count, hash } = await summarise(parts, to);
      return { part, count, hash };
    },
    catchUp: () => pass(),
    compare: async () => ({ counts: {} }),
    pause: () => parts.setState(from, 'read_only'),
    resume: () => parts.setState(from, 'open'),
    settle: () => settle(parts, way),
    admit: (what) => parts.setState(to, what === 'reads' ? 'read_only' : 'open'),
    retire: () => parts.setState(from, 'sealed'),
    abandon: () => parts.setState(from, 'open'),
    discard: async () => void (await erase(to)),
    confirm: () => erase(from),
  };
}

async function settle(parts: MoveParts, way: { from: Placement; to: Placement }): Promise<Settlement> {
  await makeEqual(parts, way, undefined);
  const [source, copy] = [await summarise(parts, way.from), await summarise(parts, way.to)];
  if (source.count !== copy.count || source.hash !== copy.hash)
    throw new BulkheadError('internal', {
      reason: 'the copy differs from its source',
      tenant: way.from.tenant,
    });
  return { counts: { [objectSet]: source.count } };
}

/** Copies what differs, deletes what is gone. @returns how many objects that were */
async function makeEqual(
  parts: MoveParts,
  way: { from: Placement; to: Placement },
  watch: CopyWatch | undefined,
): Promise<number> {
  const [source, target] = [parts.blobs(way.from), parts.blobs(way.to)];
  let changed = 0;
  for await (const id of idsOf(parts, way.from)) {
    const trailer = await source.stat(id);
    if (trailer === undefined) continue;
    const { sizeBytes, sha256: _, ...given } = trailer.facts;
    if (isSame(trailer.facts, (await target.stat(target.idOf(given.name)))?.facts)) continue;
    await target.write({ given, content: source.content(id, trailer), maxBytes: sizeBytes });
    changed += 1;
    await watch?.copied(1);
  }
  for await (const id of idsOf(parts, way.to)) {
    const copy = await target.stat(id);
    if (copy === undefined || (await source.stat(source.idOf(copy.facts.name))) !== undefined) continue;
    if (await target.delete(id)) changed += 1;
  }
  return changed;
}

async function summarise(parts: MoveParts, placement: Placement): Promise<{ count: bigint; hash: string }> {
  const hashes = new RecordHashes();
  const blobs = parts.blobs(placement);
  for await (const id of idsOf(parts, placement)) {
    const trailer = await blobs.stat(id);
    if (trailer !== undefined) hashes.add({ set: objectSet, value: trailer.facts });
  }
  return { count: hashes.count, hash: hashes.result()[objectSet] ?? '' };
}

async function* idsOf({ store }: MoveParts, placement: Placement): AsyncGenerator<ObjectId, void, undefined> {
  for await (const { key } of blobsUnder(store, placement, objectPrefixOf(placement.tenant))) {
    const id = parseObjectId(idOfKey(key));
    if (id !== undefined) yield id;
  }
}

function isSame(source: ObjectFacts, copy: ObjectFacts | undefined): boolean {
  return (
    copy !== undefined &&
    source.sha256 === copy.sha256 &&
    source.updatedAtMs === copy.updatedAtMs &&
    source.contentType === copy.contentType &&
    JSON.stringify(source.metadata) === JSON.stringify(copy.metadata)
  );
}
