import { BulkheadError } from '../../core/errors.ts';
import type { CompartmentKind } from '../../core/placement.ts';
import { parseVersion } from '../../core/schema-version.ts';
import type { Head, SetPart } from './manifest.ts';
import type { ArchiveDeps } from './work.ts';

/** @throws archive_refused for records of a store this program has not, or of a shape it does not know yet */
export function assertReadable(
  deps: Pick<ArchiveDeps, 'compartments' | 'newestSchemas'>,
  { head, sets }: { readonly head: Head; readonly sets: readonly SetPart[] },
): void {
  for (const kind of kindsOf(sets)) {
    if (!deps.compartments.some((compartment) => compartment.kind === kind))
      throw new BulkheadError('archive_refused', {
        reason: `it holds ${kind}, and this installation has no store for that`,
      });
    const [theirs, ours] = [head.schema[kind], deps.newestSchemas.get(kind)];
    if (theirs !== undefined && ours !== undefined) assertNotNewer(theirs, ours);
  }
}

export function kindsOf(sets: readonly SetPart[]): readonly CompartmentKind[] {
  return [...new Set(sets.map(({ compartment }) => compartment))];
}

function assertNotNewer(theirs: string, ours: string): void {
  const newest = parseVersion(ours) ?? {};
  const isNewer = Object.entries(parseVersion(theirs) ?? { '?': 1 }).some(
    ([set, number]) => number > (newest[set] ?? 0),
  );
  if (isNewer)
    throw new BulkheadError('archive_refused', {
      reason: `it is of schema ${theirs}, and this installation knows up to ${ours}`,
      hint: 'add the missing migrations first, or import it into a newer installation',
    });
}
