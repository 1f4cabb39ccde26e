import { readFile } from 'node:fs/promises';
import { z } from 'zod';

const PackageFile = z.object({ version: z.string() });

/** Of the package this file is part of: two folders up, from `src/` and from `dist/` alike. */
export async function readVersion(): Promise<string> {
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8');
  return PackageFile.parse(JSON.parse(text)).version;
}
