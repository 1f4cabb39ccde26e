import { writeFile } from 'node:fs/promises';
import { makeManifest, manifestFile, toManifestText } from '../test/fleet/support/manifest.ts';

const manifest = await makeManifest();
await writeFile(manifestFile, toManifestText(manifest));
process.stdout.write(`${manifest.facts.length} facts at ${manifest.version}\n`);
