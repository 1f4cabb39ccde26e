import type { Census } from '../../core/compartment.ts';
import type { TenantId } from '../../core/ids.ts';
import type { Hunt } from '../leaving.ts';
import type { LeaveDeps } from './work.ts';

/** All stores' censuses as one. */
export async function takeCensus(
  { compartments }: Pick<LeaveDeps, 'compartments'>,
  of: readonly TenantId[] | 'everyone',
): Promise<Census> {
  const taken: Census[] = [];
  for (const compartment of compartments) taken.push(await compartment.census(of));
  return {
    residents: taken.flatMap(({ residents }) => residents),
    notSeen: taken.flatMap(({ notSeen }) => notSeen),
  };
}

/** Looks into every store, the registry's tables, and whatever else was named, for one tenant. */
export async function hunt(deps: LeaveDeps, tenant: TenantId): Promise<Hunt> {
  const { residents, notSeen } = await takeCensus(deps, [tenant]);
  const { left } = await deps.registry.erasures.traces(tenant);
  const files: { name: string; paths: readonly string[] }[] = [];
  for (const search of deps.searches) files.push({ name: search.name, paths: await search.find(tenant) });
  return {
    looked: [
      ...deps.compartments.map(({ kind }) => `compartment ${kind}`),
      'registry',
      ...deps.searches.map(({ name }) => name),
    ],
    found: [
      ...residents.map(({ placement: { compartment, container }, records, holds }) => ({
        place: `${compartment} ${container}`,
        records: Number(records),
        holds,
      })),
      ...Object.entries(left).map(([table, records]) => ({ place: `registry ${table}`, records, holds: [] })),
      ...files.flatMap(({ name, paths }) =>
        paths.map((path) => ({ place: `${name} ${path}`, records: 0, holds: ['file'] })),
      ),
    ],
    notSeen,
  };
}
