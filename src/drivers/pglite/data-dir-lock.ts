import { randomUUID } from 'node:crypto';
import { link, open, readFile, rename, rm } from 'node:fs/promises';
import { BulkheadError } from '../../core/errors.ts';

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
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    if (await create(path, mine)) return { [Symbol.asyncDispose]: () => release(path, mine) };
    const text = await readFile(path, 'utf8').catch(() => undefined);
    if (text === undefined) continue;
    const holder = parseHolder(text);
    // An unreadable lock is one being written just now, or one a crash cut off; after a while it is the latter.
    if (holder === undefined && attempt < attempts - 2) await pause();
    else if (holder !== undefined && (await isAlive(holder)))
      throw new BulkheadError('data_dir_in_use', { pid: holder.pid });
    else await removeStale(path, text);
  }
  throw new BulkheadError('data_dir_in_use', { reason: 'others keep taking it' });
}

const attempts = 8;

async function create(path: string, mine: Holder): Promise<boolean> {
  try {
    const file = await open(path, 'wx', 0o600);
    await file.writeFile(JSON.stringify(mine));
    await file.close();
    return true;
  } catch (cause) {
    if (isErrno(cause, 'EEXIST')) return false;
    throw cause;
  }
}

/** Two may find the same stale lock; the slower one must not remove the quicker one's new lock. */
async function removeStale(path: string, stale: string): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch (cause) {
    if (isErrno(cause, 'ENOENT')) return;
    throw cause;
  }
  const removed = await readFile(aside, 'utf8');
  if (removed !== stale) await link(aside, path).catch(() => undefined);
  await rm(aside, { force: true });
}

async function release(path: string, mine: Holder): Promise<void> {
  const text = await readFile(path, 'utf8').catch(() => '');
  if (parseHolder(text)?.token === mine.token) await rm(path, { force: true });
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
