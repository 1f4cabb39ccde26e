/** How far a container's migrations have come: number of the last one of each set. Sets are numbered apart. */
export type SchemaVersion = Readonly<Record<string, number>>;

/** What a version is measured against. */
export interface NumberedMigration {
  readonly set: string;
  readonly number: number;
}

const PART = /^([a-z][a-z0-9_]{0,30})\/(\d{1,9})$/;

/** As it is written down: `app/3 bulkhead/1`, sets in order of their names; the empty text before the first migration. */
export function toVersionText(version: SchemaVersion): string {
  return Object.entries(version)
    .filter(([, number]) => number > 0)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([set, number]) => `${set}/${number}`)
    .join(' ');
}

export function parseVersion(raw: string): SchemaVersion | undefined {
  const parts = raw.split(' ').filter((part) => part !== '');
  const matches = parts.map((part) => PART.exec(part));
  if (matches.some((match) => match === null)) return undefined;
  return Object.fromEntries(matches.map((match) => [match?.[1] ?? '', Number(match?.[2])]));
}

/** The version of a container that has all of them. */
export function toVersion(migrations: readonly NumberedMigration[]): SchemaVersion {
  const version: Record<string, number> = {};
  for (const { set, number } of migrations) version[set] = Math.max(number, version[set] ?? 0);
  return version;
}

/** What a container at `version` has not got yet, in the order it is applied in. */
export function missingAt<M extends NumberedMigration>(
  version: SchemaVersion,
  migrations: readonly M[],
): readonly M[] {
  return migrations.filter(({ set, number }) => number > (version[set] ?? 0));
}

/** Those up to a target, inclusive. */
export function upTo<M extends NumberedMigration>(
  target: SchemaVersion,
  migrations: readonly M[],
): readonly M[] {
  return migrations.filter(({ set, number }) => number <= (target[set] ?? 0));
}
