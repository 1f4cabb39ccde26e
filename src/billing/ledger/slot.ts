import { mkdir, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { isBulkheadError } from '../../core/errors.ts';
import { lockDataDir } from '../../drivers/data-dir-lock.ts';

const maxSlots = 64;

/** A process's own part of the journal's folder. */
export interface Slot {
  readonly folder: string;
  readonly lock: AsyncDisposable;
}

/** The first part that no living process has, with all that is in it. */
export async function takeSlot(folder: string): Promise<Slot> {
  for (let number = 0; ; number += 1) {
    const slot = join(folder, `${number}`);
    await mkdir(slot, { recursive: true, mode: 0o700 });
    const lock = await tryLock(slot);
    if (lock !== undefined) return { folder: slot, lock };
    // More processes than anybody starts on one folder: the last one's refusal stands.
    if (number === maxSlots) return { folder: slot, lock: await lockDataDir(slot) };
  }
}

/** Moves files out of the parts of processes that are no more into `into`. A file's name is its identity and stays. */
export async function takeFromDead(folder: string, into: string): Promise<void> {
  const slots = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  for (const { name } of slots) {
    const slot = join(folder, name);
    if (slot === into) continue;
    const files = (await readdir(slot)).filter((file) => file.endsWith('.journal'));
    if (files.length === 0) continue;
    const lock = await tryLock(slot);
    if (lock === undefined) continue;
    try {
      for (const file of files) await rename(join(slot, file), join(into, file));
    } finally {
      await lock[Symbol.asyncDispose]();
    }
  }
}

async function tryLock(slot: string): Promise<AsyncDisposable | undefined> {
  try {
    return await lockDataDir(slot);
  } catch (cause) {
    if (isBulkheadError(cause, 'data_dir_in_use')) return undefined;
    throw cause;
  }
}
