import { closeSync, fdatasync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { newUuid7 } from '../../core/ids.ts';
import type { LedgerRecord } from './event.ts';
import { readFrames, toFrame } from './frames.ts';

const syncData = promisify(fdatasync);
const suffix = '.journal';
/** Records kept in memory beside the file, so that a flush need not read them again. */
const maxKept = 200_000;

/** `synced`: acknowledged when the disk has it, so that a power cut loses none. `written`: when the operating system has it. */
export type Durability = 'synced' | 'written';

export interface JournalOptions {
  /** Exists, and is this process's alone. */
  readonly folder: string;
  readonly durability: Durability;
}

/** A closed file of the journal. It never changes again, and goes away when the database has what is in it. */
export interface Segment {
  readonly name: string;
  readonly path: string;
  /** undefined = too many to keep; they are in the file. */
  readonly records: readonly LedgerRecord[] | undefined;
}

interface OpenSegment {
  readonly name: string;
  readonly path: string;
  readonly folder: string;
  readonly file: number;
  sizeBytes: number;
  records: LedgerRecord[] | undefined;
  count: number;
  /** The sync of the folder: a file whose name is not on the disk is not on the disk. Begun when somebody first waits. */
  named: Promise<void> | undefined;
  /** The sync that runs, or ran last, and the one that waits for it to end. */
  syncing: Promise<void> | undefined;
  next: Promise<void> | undefined;
}

/**
 * The append-only local file that an event is in before anybody is told that it was recorded. Writes go to the operating
 * system at once, which a killed process does not take back; one fdatasync then serves everybody who came while the one
 * before was running (group commit).
 */
export class Journal {
  readonly #options: JournalOptions;
  #segment: OpenSegment | undefined;

  constructor(options: JournalOptions) {
    this.#options = options;
  }

  /** Records in the open segment. */
  get count(): number {
    return this.#segment?.count ?? 0;
  }

  get openName(): string | undefined {
    return this.#segment?.name;
  }

  /** @throws what the file system says; then nothing of it is in the journal */
  write(records: readonly LedgerRecord[]): void {
    const segment = (this.#segment ??= this.#open());
    const frame = Buffer.from(toFrame(records));
    try {
      let written = 0;
      while (written < frame.length) written += writeSync(segment.file, frame, written);
    } catch (cause) {
      // Half a line would make the next one unreadable.
      ftruncateSync(segment.file, segment.sizeBytes);
      throw cause;
    }
    segment.sizeBytes += frame.length;
    segment.count += records.length;
    if (segment.count > maxKept) segment.records = undefined;
    else segment.records?.push(...records);
  }

  /** Resolves when all that was written before the call is as durable as the options say. */
  async settle(): Promise<void> {
    if (this.#options.durability === 'synced' && this.#segment !== undefined) await settled(this.#segment);
  }

  /** Closes the open segment; what is written from now on goes to another. */
  async rotate(): Promise<Segment | undefined> {
    const closing = this.#segment;
    if (closing === undefined) return undefined;
    this.#segment = undefined;
    // Whoever waits for it is told by the promise itself.
    await (closing.next ?? closing.syncing)?.catch(() => undefined);
    closeSync(closing.file);
    return { name: closing.name, path: closing.path, records: closing.records };
  }

  #open(): OpenSegment {
    const name = newUuid7();
    const path = join(this.#options.folder, `${name}${suffix}`);
    const file = openSync(path, 'ax', 0o600);
    const { folder } = this.#options;
    const state = {
      sizeBytes: 0,
      records: [],
      count: 0,
      named: undefined,
      syncing: undefined,
      next: undefined,
    };
    return { name, path, folder, file, ...state };
  }
}

/** A sync that runs may have begun before the last write; the next one has not. */
function settled(segment: OpenSegment): Promise<void> {
  segment.next ??= syncAfter(segment, segment.syncing);
  return segment.next;
}

async function syncAfter(segment: OpenSegment, running: Promise<void> | undefined): Promise<void> {
  // Also where none runs: whoever writes in this turn of the event loop goes along.
  await (running ?? Promise.resolve()).catch(() => undefined);
  segment.syncing = segment.next;
  segment.next = undefined;
  segment.named ??= syncFolder(segment.folder);
  await Promise.all([segment.named, syncData(segment.file)]);
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Segments that a process before this one left, oldest first. */
export async function readLeftSegments(folder: string): Promise<readonly Segment[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(suffix)).toSorted();
  return names.map((name) => ({
    name: name.slice(0, -suffix.length),
    path: join(folder, name),
    records: undefined,
  }));
}

export interface ReadSegment {
  readonly records: readonly LedgerRecord[];
  readonly damaged: number;
}

export async function readSegment(segment: Segment): Promise<ReadSegment> {
  if (segment.records !== undefined) return { records: segment.records, damaged: 0 };
  return readFrames(await readFile(segment.path, 'utf8'));
}

export async function removeSegment(segment: Segment): Promise<void> {
  await rm(segment.path, { force: true });
}

/** Out of the way of the journal and kept for whoever looks into it: the disk has not returned what was written. */
export async function setAside(segment: Segment): Promise<void> {
  await rename(segment.path, `${segment.path}.damaged`);
}
