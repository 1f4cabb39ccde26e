import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { BlobStore } from '../core/blob-store.ts';
import { BulkheadError } from '../core/errors.ts';

const NAME = /^[a-z0-9][a-z0-9-]*(?:\/[a-z0-9][a-z0-9.-]*)*$/;
/** Half-written files have names that no blob can have. */
const unfinished = '.part';
/** Whoever wrote a file that has been half-written for so long is dead. */
const unfinishedMs = 86_400_000;

const unwritable: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EPERM', 'EIO']);

/** Blobs as files in a folder that its owner alone may read. Several nodes may share it. */
export function openFolderBlobs(folder: string): BlobStore {
  const pathOf = (name: string): string => {
    if (!NAME.test(name)) throw new BulkheadError('internal', { reason: 'not the name of a blob' });
    return join(folder, name);
  };
  return {
    async write(name, bytes) {
      const path = pathOf(name);
      try {
        await mkdir(dirname(path), { recursive: true, mode: 0o700 });
        await removeUnfinished(dirname(path));
        const sizeBytes = await writeWhole(path, bytes);
        return { sizeBytes };
      } catch (cause) {
        throw toOurs(cause);
      }
    },
    async *read(name) {
      try {
        const file = await open(pathOf(name), 'r');
        yield* file.createReadStream({ highWaterMark: 262_144 }) as AsyncIterable<Uint8Array>;
      } catch (cause) {
        throw toOurs(cause);
      }
    },
    async stat(name) {
      const found = await stat(pathOf(name)).catch(ignoreAbsence);
      return found === undefined ? undefined : { sizeBytes: found.size, writtenAt: found.mtime };
    },
    async list(prefix) {
      const entries = await readdir(pathOf(prefix), { recursive: true, withFileTypes: true }).catch(
        ignoreAbsence,
      );
      return (entries ?? [])
        .filter((entry) => entry.isFile() && !entry.name.endsWith(unfinished))
        .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
        .toSorted();
    },
    async remove(name) {
      await rm(pathOf(name), { force: true });
    },
  };
}

async function writeWhole(path: string, bytes: AsyncIterable<Uint8Array>): Promise<number> {
  const partial = `${path}.${randomUUID()}${unfinished}`;
  try {
    const file = await open(partial, 'wx', 0o600);
    let sizeBytes = 0;
    try {
      for await (const chunk of bytes) {
        await file.writeFile(chunk);
        sizeBytes += chunk.length;
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(partial, path);
    await syncFolder(dirname(path));
    return sizeBytes;
  } catch (cause) {
    await rm(partial, { force: true });
    throw cause;
  }
}

/** The new name is on the disk only when the folder is. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function removeUnfinished(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.endsWith(unfinished)) continue;
    const path = join(folder, name);
    const found = await stat(path).catch(ignoreAbsence);
    if (found !== undefined && Date.now() - found.mtimeMs > unfinishedMs) await rm(path, { force: true });
  }
}

function ignoreAbsence(cause: unknown): undefined {
  if (codeOf(cause) !== 'ENOENT' && codeOf(cause) !== 'ENOTDIR') throw cause;
  return undefined;
}

function codeOf(cause: unknown): unknown {
  return cause instanceof Error && 'code' in cause ? cause.code : undefined;
}

function toOurs(cause: unknown): unknown {
  const code = codeOf(cause);
  if (code === 'ENOENT')
    return new BulkheadError('not_found', { reason: 'there is no such file' }, { cause });
  return unwritable.has(code)
    ? new BulkheadError('blob_unwritable', { reason: String(code) }, { cause })
    : cause;
}
