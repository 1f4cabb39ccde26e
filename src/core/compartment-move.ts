import type { Compartment } from './compartment.ts';
import { BulkheadError } from './errors.ts';
import type { ExportRecord } from './export-record.ts';
import type { Placement } from './placement.ts';
import type { Plan } from './plan.ts';
import { RecordHashes } from './record-hash.ts';
import type { CopiedPart, Relocation } from './relocation.ts';

type Copied = Pick<Compartment, 'export' | 'import' | 'erase' | 'seal' | 'provision'>;

/**
 * The default way to move, for stores that cannot note what changes: nothing is copied before the pause, and in the pause
 * all of it, with the tenant sealed. Small stores lose seconds by it; a large one brings a relocation of its own.
 */
export function relocateByCopy(
  compartment: Copied,
  way: { readonly from: Placement; readonly to: Placement; readonly plan: Plan },
): Relocation {
  const { from, to, plan } = way;
  return {
    from,
    to,
    parts: [],
    survey: async () => ({
      parts: [{ part: from.compartment, count: await countRecords(compartment, from), sizeBytes: 0n }],
      estimatedMs: 0,
      risks: [`${from.compartment}: neither read nor written while it is copied`],
      refusals: [],
    }),
    capture: async () => {},
    copy: () => Promise.reject(new BulkheadError('internal', { reason: 'there are no parts' })),
    catchUp: async () => 0,
    compare: async () => ({ counts: {} }),
    pause: () => compartment.seal(from, 'sealed'),
    resume: () => compartment.seal(from, 'open'),
    async settle() {
      // What an attempt before this one has left would be neither replaced nor found out.
      await compartment.erase(to);
      await compartment.provision(to, plan);
      await compartment.seal(to, 'sealed');
      const { count } = await copyAll(compartment, from, to);
      return { counts: { [from.compartment]: count } };
    },
    admit: (what) => (what === 'writes' ? compartment.seal(to, 'open') : Promise.resolve()),
    retire: () => compartment.seal(from, 'sealed'),
    abandon: () => compartment.seal(from, 'open'),
    discard: async () => void (await eraseWhole(compartment, to)),
    confirm: () => eraseWhole(compartment, from),
  };
}

async function eraseWhole(compartment: Copied, placement: Placement): ReturnType<Copied['erase']> {
  const receipt = await compartment.erase(placement);
  if (receipt.left !== 0n)
    throw new BulkheadError('internal', {
      reason: 'the erasure left data behind',
      left: Number(receipt.left),
    });
  return receipt;
}

async function countRecords(compartment: Copied, placement: Placement): Promise<bigint> {
  let count = 0n;
  for await (const _ of compartment.export(placement)) count += 1n;
  return count;
}

/** @throws internal where the copy is not equal */
async function copyAll(compartment: Copied, from: Placement, to: Placement): Promise<CopiedPart> {
  const read = new RecordHashes();
  const { imported } = await compartment.import(to, counted(compartment.export(from), read));
  const written = new RecordHashes();
  for await (const record of compartment.export(to)) written.add(record);
  const [source, copy] = [JSON.stringify(read.result()), JSON.stringify(written.result())];
  if (source !== copy || imported !== read.count)
    throw new BulkheadError('internal', { reason: 'the copy differs from its source', tenant: from.tenant });
  return { part: from.compartment, count: imported, hash: source };
}

async function* counted(
  records: AsyncIterable<ExportRecord>,
  hashes: RecordHashes,
): AsyncGenerator<ExportRecord> {
  for await (const record of records) {
    hashes.add(record);
    yield record;
  }
}
