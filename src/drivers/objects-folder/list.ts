import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { BlobPage, StoredBlob } from '../blobs.ts';

const pageSize = 1_000;

/** One page of the files under `prefix`, in the order of their keys. */
export async function listFolder(
  bucket: string,
  prefix: string,
  after: string | undefined,
): Promise<BlobPage> {
  const blobs: StoredBlob[] = [];
  for await (const key of keysUnder(bucket, prefix, after)) {
    const found = await stat(join(bucket, key)).catch(() => undefined);
    // Deleted since the folder was read.
    if (found === undefined) continue;
    if (blobs.length === pageSize) return { blobs, more: true };
    blobs.push({ key, sizeBytes: found.size });
  }
  return { blobs, more: false };
}

/** @param folder relative to the bucket: empty, or ending with `/` */
async function* keysUnder(
  bucket: string,
  folder: string,
  after: string | undefined,
): AsyncGenerator<string, void, undefined> {
  for (const entry of await readSorted(join(bucket, folder))) {
    const key = `${folder}${entry.name}`;
    // `/` sorts before every character of a key, so a folder's keys stand together, and all of them before `after` or not.
    if (entry.isDirectory()) {
      if (after === undefined || `${key}/` > after || after.startsWith(`${key}/`))
        yield* keysUnder(bucket, `${key}/`, after);
    } else if (after === undefined || key > after) yield key;
  }
}

async function readSorted(folder: string): Promise<readonly Dirent[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return [];
    throw cause;
  });
  const sortName = (entry: Dirent): string => (entry.isDirectory() ? `${entry.name}/` : entry.name);
  return entries
    .filter(({ name }) => !name.startsWith('.'))
    .toSorted((a, b) => (sortName(a) < sortName(b) ? -1 : 1));
}
