import type { Compartment, ExportRecord, MoveReceipt } from './compartment.ts';
import { BulkheadError } from './errors.ts';
import type { Placement } from './placement.ts';
import { RecordHashes } from './record-hash.ts';

/**
 * The default way to move: copy, compare counts and hashes, then erase the source. The target is provisioned and the
 * tenant sealed by the caller, so that nothing is written meanwhile.
 * @throws internal where the copy is not equal; the source is untouched then
 */
export async function moveByCopy(
  compartment: Pick<Compartment, 'export' | 'import' | 'erase'>,
  from: Placement,
  to: Placement,
): Promise<MoveReceipt> {
  const read = new RecordHashes();
  const { imported } = await compartment.import(to, counted(compartment.export(from), read));
  const written = new RecordHashes();
  for await (const record of compartment.export(to)) written.add(record);
  const [source, copy] = [JSON.stringify(read.result()), JSON.stringify(written.result())];
  if (source !== copy || imported !== read.count)
    throw new BulkheadError('internal', { reason: 'the copy differs from its source', tenant: from.tenant });
  const { left } = await compartment.erase(from);
  if (left !== 0n)
    throw new BulkheadError('internal', { reason: 'the source was not erased', left: Number(left) });
  return { from, to, moved: imported, hashes: read.result() };
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
