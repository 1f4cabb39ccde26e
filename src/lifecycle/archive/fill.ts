import type { Compartment } from '../../core/compartment.ts';
import { BulkheadError } from '../../core/errors.ts';
import type { ExportRecord } from '../../core/export-record.ts';
import type { CompartmentKind, Placement } from '../../core/placement.ts';
import { RecordHashes } from '../../core/record-hash.ts';
import type { Operation } from '../../registry/registry.ts';
import type { Step } from '../journal.ts';
import { resultOf, type ArchiveDeps } from './work.ts';

/** Where the records of one compartment come from. */
export interface Filling {
  readonly kind: CompartmentKind;
  records(): AsyncIterable<ExportRecord>;
  /** Version of their shape; undefined = that of the place they are put into. */
  readonly schema: string | undefined;
}

/** What one compartment was given. */
interface Given {
  readonly count: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly hashes: Readonly<Record<string, string>>;
}

/** Puts records into a tenant's places and reads them back, a compartment at a time. */
export function fillingSteps(
  deps: Pick<ArchiveDeps, 'compartments'>,
  operation: Operation,
  work: { readonly fillings: readonly Filling[]; readonly placed: ReadonlyMap<string, Placement> },
): readonly Step[] {
  return work.fillings.flatMap((filling): readonly Step[] => {
    const { kind } = filling;
    const compartment = deps.compartments.find((each) => each.kind === kind);
    if (compartment === undefined)
      throw new BulkheadError('archive_refused', { reason: `this installation has no store for ${kind}` });
    const placementOf = (): Placement => {
      const placement = work.placed.get(kind);
      if (placement === undefined)
        throw new BulkheadError('internal', { reason: 'filled before placed', kind });
      return placement;
    };
    let given = resultOf(operation, `fill ${kind}`) as Given | undefined;
    return [
      {
        name: `fill ${kind}`,
        run: async () => (given = await fill(compartment, placementOf(), filling)),
      },
      {
        name: `compare ${kind}`,
        run: async () => await compare(compartment, placementOf(), { filling, given }),
      },
    ];
  });
}

async function fill(compartment: Compartment, placement: Placement, filling: Filling): Promise<Given> {
  const read = new RecordHashes();
  const hashed = (async function* () {
    for await (const record of filling.records()) {
      read.add(record);
      yield record;
    }
  })();
  const { schema } = filling;
  await compartment.import(placement, hashed, schema === undefined ? {} : { schema });
  return { count: Number(read.count), counts: read.counts(), hashes: read.result() };
}

/** Records of an older shape are not the same any more where they are now; then their number is compared. */
async function compare(
  compartment: Compartment,
  placement: Placement,
  work: { readonly filling: Filling; readonly given: Given | undefined },
): Promise<{ readonly compared: 'hashes' | 'counts'; readonly count: number }> {
  const { filling, given } = work;
  if (given === undefined) throw new BulkheadError('internal', { reason: 'compared before filled' });
  const found = new RecordHashes();
  for await (const record of compartment.export(placement)) found.add(record);
  const isSameShape = filling.schema === undefined;
  const equal = isSameShape
    ? JSON.stringify(found.result()) === JSON.stringify(given.hashes)
    : JSON.stringify(found.counts()) === JSON.stringify(given.counts);
  if (!equal)
    throw new BulkheadError('internal', {
      reason: 'what was put in is not what is there',
      kind: placement.compartment,
    });
  return { compared: isSameShape ? 'hashes' : 'counts', count: given.count };
}
