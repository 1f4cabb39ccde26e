import { constants } from 'node:fs';
import { mkdir, open, readdir, rename, rm, rmdir, stat, unlink, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BulkheadError } from '../../core/errors.ts';
import { newUuid7 } from '../../core/ids.ts';
import { isPlainKey, type BlobPlace, type BlobStore } from '../blobs.ts';
import { listFolder } from './list.ts';

const ownerOnly = 0o700;
const fileMode = 0o600;
/** Beginnings of blobs, in each bucket. A name with a dot is no key, so nothing here is ever read as a blob. */
const unfinished = '.unfinished';
const abandonedMs = 24 * 60 * 60_000;

/**
 * Blobs as files: a bucket is a folder in `root`, a key a path in it. A blob is written beside its place, synced, and renamed
 * there, so that whoever reads sees the old one or the new one, also after a crash.
 */
export function openFolderStore(root: string): BlobStore {
  const toPath = ({ bucket, key }: BlobPlace): string => {
    if (!isPlainKey(bucket) || bucket.includes('/') || !isPlainKey(key))
      throw new BulkheadError('internal', { reason: 'a key that is none of ours reached the object store' });
    return join(root, bucket, key);
  };

  return {
    name: 'folder',
    notCovered: ['backups and snapshots of the disk'],

    async createBucket(bucket) {
      await reached(async () => {
        const folder = join(dirname(toPath({ bucket, key: 'x' })), unfinished);
        await mkdir(folder, { recursive: true, mode: ownerOnly });
        await dropAbandoned(folder);
      });
    },

    async dropBucket(bucket) {
      const folder = dirname(toPath({ bucket, key: 'x' }));
      await reached(async () => {
        await rm(join(folder, unfinished), { recursive: true, force: true });
        await dropEmptyFolders(folder);
      });
    },

    async put(place, body) {
      const path = toPath(place);
      const beginning = join(root, place.bucket, unfinished, newUuid7());
      const file = await reached(() => open(beginning, 'wx', fileMode));
      try {
        await writeAll(file, body);
        await reached(() => putInPlace(beginning, path));
      } catch (cause) {
        await unlink(beginning).catch(() => undefined);
        throw cause;
      }
    },

    async get(place) {
      const file = await openToRead(toPath(place));
      if (file === undefined) return undefined;
      const { size } = await file.stat();
      return { sizeBytes: size, body: file.createReadStream({ highWaterMark: 256 * 1024 }) };
    },

    async tail(place, maxBytes) {
      const file = await openToRead(toPath(place));
      if (file === undefined) return undefined;
      try {
        const { size } = await file.stat();
        const length = Math.min(size, maxBytes);
        const bytes = Buffer.allocUnsafe(length);
        const { bytesRead } = await file.read(bytes, 0, length, size - length);
        return { bytes: bytes.subarray(0, bytesRead), sizeBytes: size };
      } finally {
        await file.close();
      }
    },

    async delete(place) {
      const path = toPath(place);
      return await reached(async () => {
        try {
          await unlink(path);
          await dropEmptied(dirname(path), dirname(toPath({ bucket: place.bucket, key: 'x' })));
          return true;
        } catch (cause) {
          if (isMissing(cause)) return false;
          throw cause;
        }
      });
    },

    list: (bucket, prefix, after) =>
      reached(() => listFolder(dirname(toPath({ bucket, key: 'x' })), prefix, after)),

    buckets: () => reached(() => foldersIn(root)),
    topLevel: (bucket) => reached(() => foldersIn(dirname(toPath({ bucket, key: 'x' })))),

    close: async () => {},
  };
}

/** What the caller's body throws is the caller's; what the disk throws is ours. */
async function writeAll(file: FileHandle, body: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    for await (const bytes of body) await reached(() => file.writeFile(bytes));
    await reached(() => file.sync());
  } finally {
    await file.close();
  }
}

async function putInPlace(from: string, path: string): Promise<void> {
  const folder = dirname(path);
  // An erasure may take the empty folder away between the two.
  for (let attempt = 0; ; attempt += 1) {
    await mkdir(folder, { recursive: true, mode: ownerOnly });
    try {
      await rename(from, path);
      break;
    } catch (cause) {
      if (!isMissing(cause) || attempt === 3) throw cause;
    }
  }
  // The rename itself is on the disk when its folder is.
  const handle = await open(folder, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Folders that a deletion has emptied, upwards: a store is asked whose prefixes it has. */
async function dropEmptied(folder: string, bucket: string): Promise<void> {
  for (let at = folder; at !== bucket; at = dirname(at)) {
    try {
      await rmdir(at);
    } catch (cause) {
      if (isMissing(cause) || codeOf(cause) === 'ENOTEMPTY') return;
      throw cause;
    }
  }
}

async function foldersIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
    if (isMissing(cause)) return [];
    throw cause;
  });
  return entries.flatMap((entry) => (entry.isDirectory() && isPlainKey(entry.name) ? [entry.name] : []));
}

async function openToRead(path: string): Promise<FileHandle | undefined> {
  return await reached(async () => {
    try {
      return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    } catch (cause) {
      if (isMissing(cause)) return undefined;
      throw cause;
    }
  });
}

async function dropAbandoned(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const found = await stat(path).catch(() => undefined);
    if (found !== undefined && Date.now() - found.mtimeMs > abandonedMs)
      await unlink(path).catch(() => undefined);
  }
}

/** Deepest first; one with a file in it stays, and says so by being there. */
async function dropEmptyFolders(folder: string): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
    if (isMissing(cause)) return [];
    throw cause;
  });
  for (const entry of entries) if (entry.isDirectory()) await dropEmptyFolders(join(folder, entry.name));
  await rmdir(folder).catch((cause: unknown) => {
    if (!isMissing(cause) && codeOf(cause) !== 'ENOTEMPTY') throw cause;
  });
}

async function reached<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof BulkheadError || codeOf(cause) === undefined) throw cause;
    throw new BulkheadError(
      'compartment_unreachable',
      { kind: 'objects', reason: `the object folder cannot be used (${codeOf(cause)})` },
      { cause },
    );
  }
}

function codeOf(cause: unknown): string | undefined {
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined;
}

function isMissing(cause: unknown): boolean {
  return codeOf(cause) === 'ENOENT' || codeOf(cause) === 'ENOTDIR';
}
