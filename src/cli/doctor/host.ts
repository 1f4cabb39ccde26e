import { readFile, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from '../../config.ts';
import { isBelow } from '../../verify/proof/floors.ts';
import { tokenFile } from '../connection/token.ts';
import { expectThat, fail, ok, untested, warn, type Check } from './check.ts';
import { embeddedVersions, nodeFloors } from './floors.ts';
import { checkPoolerVersion } from './pooler-version.ts';

/** What can be seen without the database. */
export async function checkHost(config: Config): Promise<readonly Check[]> {
  return [
    checkNode(process.versions.node),
    ...(config.databaseUrl === undefined ? await checkEmbedded() : []),
    ...(await checkDataDir(config)),
    await checkDisk(config.dataDir),
    ...checkTransport(config),
    ...(await checkPoolerVersion(config)),
  ];
}

export function checkNode(version: string): Check {
  const about = { area: 'versions', name: 'Node.js' } as const;
  const floor = nodeFloors[Number.parseInt(version, 10)];
  if (floor === undefined) return fail(about, version, 'use Node.js 24');
  return expectThat(!isBelow(version, floor.version), {
    good: ok(about, version),
    bad: warn(about, version, `use ${floor.version} or newer: ${floor.reason}`),
  });
}

async function checkEmbedded(): Promise<readonly Check[]> {
  return await Promise.all(
    Object.entries(embeddedVersions).map(async ([name, wanted]) => {
      const about = { area: 'versions', name } as const;
      const version = await readPackageVersion(name);
      if (version === undefined) return fail(about, 'not installed', 'run npm install');
      return expectThat(version === wanted, {
        good: ok(about, version),
        bad: warn(about, version, `install ${wanted}: the two packages belong together exactly`),
      });
    }),
  );
}

/** The nearest package.json above the module: packages need not export theirs. */
async function readPackageVersion(name: string): Promise<string | undefined> {
  try {
    const entry = fileURLToPath(import.meta.resolve(name));
    const folder = entry.slice(
      0,
      entry.lastIndexOf(join('node_modules', name)) + join('node_modules', name).length,
    );
    const { version } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as {
      version: string;
    };
    return version;
  } catch {
    return undefined;
  }
}

async function checkDataDir({ dataDir, masterKey, operatorToken }: Config): Promise<readonly Check[]> {
  const key = { area: 'host', name: 'master key' } as const;
  const token = { area: 'host', name: 'operator token' } as const;
  return [
    await checkMode({ area: 'host', name: 'data folder' }, dataDir, 0o700),
    masterKey === undefined
      ? await checkMode(key, join(dataDir, 'master-key'), 0o600)
      : ok(key, 'in BULKHEAD_MASTER_KEY'),
    operatorToken === undefined
      ? await checkMode(token, join(dataDir, tokenFile), 0o600)
      : ok(token, 'in BULKHEAD_OPERATOR_TOKEN'),
  ];
}

/** Nobody but its owner may read what opens everything. */
async function checkMode(about: Pick<Check, 'area' | 'name'>, path: string, mode: number): Promise<Check> {
  try {
    const found = (await stat(path)).mode & 0o777;
    const shown = `${path}, mode ${found.toString(8).padStart(4, '0')}`;
    return expectThat((found & ~mode) === 0, {
      good: ok(about, shown),
      bad: fail(about, shown, `chmod ${mode.toString(8)} ${path}`),
    });
  } catch {
    return warn(about, `${path} is not there`, 'start the server once, or name its folder with --data-dir');
  }
}

const enoughBytes = 2 * 1024 ** 3;
const leastBytes = 256 * 1024 ** 2;

async function checkDisk(dataDir: string): Promise<Check> {
  const about = { area: 'host', name: 'disk space' } as const;
  try {
    const { bavail, bsize } = await statfs(dataDir);
    const free = bavail * bsize;
    const shown = `${(free / 1024 ** 3).toFixed(1)} GiB free`;
    if (free < leastBytes) return fail(about, shown, 'free some space: writes will fail soon');
    return free < enoughBytes ? warn(about, shown, 'free some space') : ok(about, shown);
  } catch {
    return untested(about, 'the data folder is not there');
  }
}

const LOCAL = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\]|)$/;
const encrypted: ReadonlySet<string> = new Set(['require', 'verify-ca', 'verify-full', 'no-verify']);
const verified: ReadonlySet<string> = new Set(['verify-ca', 'verify-full']);

/** Rows and passwords travel over these connections. */
export function checkTransport({
  databaseUrl,
  poolerUrl,
}: Pick<Config, 'databaseUrl' | 'poolerUrl'>): readonly Check[] {
  const urls = { BULKHEAD_DATABASE_URL: databaseUrl, BULKHEAD_POOLER_URL: poolerUrl };
  return Object.entries(urls).flatMap(([name, raw]): readonly Check[] => {
    if (raw === undefined) return [];
    const about = { area: 'settings', name: `TLS of ${name}` } as const;
    const url = new URL(raw);
    if (LOCAL.test(url.hostname)) return [ok(about, 'on this machine')];
    const mode = url.searchParams.get('sslmode') ?? 'none';
    if (!encrypted.has(mode)) return [fail(about, `sslmode ${mode}`, `add ?sslmode=verify-full to ${name}`)];
    return verified.has(mode)
      ? [ok(about, `sslmode ${mode}`)]
      : [warn(about, `sslmode ${mode} verifies nothing`, `use sslmode=verify-full in ${name}`)];
  });
}
