import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { BulkheadError } from '../core/errors.ts';

/** Who holds a data folder: the process, and when it started, since process ids come again (in a container: always 1). */
interface Holder {
  readonly pid: number;
  readonly started: string;
  readonly token: string;
}

/**
 * Takes a data folder for this process: two Postgres on one folder destroy it. The lock of a process that is no more is
 * taken over. Not for folders shared between machines.
 * @throws data_dir_in_use
 */
export async function lockDataDir(dataDir: string): Promise<AsyncDisposable> {
  const path = `${dataDir}.lock`;
  const mine: Holder = { pid: process.pid, started: await startOf(process.pid), token: randomUUID() };
  await using written = await writeAside(path, mine);
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    if ((await linkTo(written.path, path)) || (await takeOver(path, written.path)))
      return { [Symbol.asyncDispose]: () => release(path, mine) };
    const holder = await readHolder(path);
    if (holder !== undefined && (await isAlive(holder)))
      throw new BulkheadError('data_dir_in_use', { pid: holder.pid });
    await pause();
  }
  throw new BulkheadError('data_dir_in_use', { reason: 'others keep taking it' });
}

const attempts = 20;

/** A lock appears whole or not at all: it is written under another name first. */
async function writeAside(path: string, mine: Holder): Promise<AsyncDisposable & { readonly path: string }> {
  const aside = `${path}.${mine.token}`;
  await writeFile(aside, JSON.stringify(mine), { mode: 0o600 });
  return { path: aside, [Symbol.asyncDispose]: () => rm(aside, { force: true }) };
}

/** @returns whether `path` is ours now; false where it exists. */
async function linkTo(written: string, path: string): Promise<boolean> {
  try {
    await link(written, path);
    return true;
  } catch (cause) {
    if (isErrno(cause, 'EEXIST')) return false;
    throw cause;
  }
}

/**
 * Puts our lock in the place of a dead process's. Takers come one by one, through a lock of their own, and look again
 * once it is theirs: none can replace the fresh lock of another.
 */
async function takeOver(path: string, written: string): Promise<boolean> {
  const guard = `${path}.takeover`;
  if (!(await linkTo(written, guard))) {
    const taker = await readHolder(guard);
    // A taker that died in these few lines would keep everybody out.
    if (taker === undefined || !(await isAlive(taker))) await rm(guard, { force: true });
    return false;
  }
  try {
    const holder = await readHolder(path);
    if (holder !== undefined && (await isAlive(holder))) return false;
    // Over the old one, so that there is no moment without a lock; the name written aside stays for nothing else.
    await copyLink(written, path);
    return true;
  } finally {
    await rm(guard, { force: true });
  }
}

async function copyLink(written: string, path: string): Promise<void> {
  const next = `${written}.next`;
  await link(written, next);
  await rename(next, path);
}

async function readHolder(path: string): Promise<Holder | undefined> {
  return parseHolder(await readFile(path, 'utf8').catch(() => ''));
}

async function release(path: string, mine: Holder): Promise<void> {
  if ((await readHolder(path))?.token === mine.token) await rm(path, { force: true });
}

async function isAlive(holder: Holder): Promise<boolean> {
  try {
    process.kill(holder.pid, 0);
  } catch (cause) {
    // EPERM: alive, and somebody else's.
    if (!isErrno(cause, 'EPERM')) return false;
  }
  const started = await startOf(holder.pid);
  return started === '' || holder.started === '' || started === holder.started;
}

/** Boot and clock tick a process started at, where the system tells (Linux); else ''. */
async function startOf(pid: number): Promise<string> {
  try {
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The second field, the name, may hold spaces and brackets; the start time is the 22nd.
    const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
    return `${boot.trim()}:${ticks}`;
  } catch {
    return '';
  }
}

function parseHolder(text: string): Holder | undefined {
  try {
    const raw = JSON.parse(text) as Partial<Holder>;
    const { pid, started, token } = raw;
    if (typeof pid !== 'number' || typeof started !== 'string' || typeof token !== 'string') return undefined;
    return { pid, started, token };
  } catch {
    return undefined;
  }
}

function isErrno(cause: unknown, code: string): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === code;
}

function pause(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 50);
  });
}
