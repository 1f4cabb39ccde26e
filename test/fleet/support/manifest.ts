import { fileURLToPath } from 'node:url';
import { expectedFacts, type ContainerFact } from '../../../src/compartments/rows/container-facts.ts';
import { compileMigrations } from '../../../src/compartments/rows/migrations/compile.ts';
import { readMigrationFolder } from '../../../src/compartments/rows/migrations/files.ts';
import { toVersion, toVersionText } from '../../../src/core/schema-version.ts';
import { engines } from '../../rows/migrations/support/databases.ts';

export const manifestFile = fileURLToPath(new URL('../../../sql/manifest.json', import.meta.url));

export interface Manifest {
  readonly version: string;
  readonly facts: readonly ContainerFact[];
}

/** Everything that is so in a container that has our own migrations and no others, as the embedded database makes it. */
export async function makeManifest(): Promise<Manifest> {
  const [embedded] = engines;
  if (embedded === undefined) throw new Error('there is no embedded database');
  await using database = await embedded.open();
  const folder = fileURLToPath(new URL('../../../sql/tenant', import.meta.url));
  const { migrations } = await compileMigrations(database.admin, [
    await readMigrationFolder('bulkhead', folder),
  ]);
  const facts = await expectedFacts(database.admin, migrations);
  // Who owns a table is the name of a login: another in every installation.
  return {
    version: toVersionText(toVersion(migrations)),
    facts: facts.filter(({ kind }) => kind !== 'owner'),
  };
}

/** One fact a line, so that a review of the file reads like one of the tables. */
export function toManifestText({ version, facts }: Manifest): string {
  const lines = facts.map((fact) => `    ${JSON.stringify(fact)}`);
  return `{\n  "version": ${JSON.stringify(version)},\n  "facts": [\n${lines.join(',\n')}\n  ]\n}\n`;
}
