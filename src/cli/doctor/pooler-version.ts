import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Config } from '../../config.ts';
import { isBelow } from '../../verify/proof/floors.ts';
import { fail, ok, untested, warn, type Check } from './check.ts';
import { doctorFloorsReviewed, poolerFloors } from './floors.ts';

const about = { area: 'versions', name: 'PgBouncer' } as const;
const run = promisify(execFile);
const patienceMs = 5_000;

/**
 * PgBouncer tells its version in its console alone, which speaks the simple query protocol only, and only to its admins.
 * `psql` can ask there; our own driver, made for tenants' statements, cannot.
 */
export async function checkPoolerVersion({
  poolerUrl,
}: Pick<Config, 'poolerUrl'>): Promise<readonly Check[]> {
  if (poolerUrl === undefined) return [];
  const url = new URL(poolerUrl);
  const password = decodeURIComponent(url.password);
  url.password = '';
  url.pathname = '/pgbouncer';
  try {
    const { stdout } = await run('psql', ['--no-psqlrc', '-At', '-c', 'show version', '-d', url.href], {
      // Not on the command line, where other users of the machine would see it.
      env: { ...process.env, PGPASSWORD: password, PGCONNECT_TIMEOUT: '3' },
      timeout: patienceMs,
    });
    return [judgePooler(stdout.trim())];
  } catch {
    return [
      untested(
        about,
        'its console did not tell it',
        `ask it yourself: psql … pgbouncer -c "show version"; it should be ${poolerFloors.at(-1)?.version} or newer`,
      ),
    ];
  }
}

/** @param told such as `PgBouncer 1.24.1` */
export function judgePooler(told: string): Check {
  const version = /^PgBouncer (\d+(?:\.\d+)+)/.exec(told)?.[1];
  if (version === undefined) return untested(about, 'something else than PgBouncer answered');
  const missed = poolerFloors.filter((floor) => isBelow(version, floor.version));
  const newest = missed.at(-1);
  if (newest === undefined) return ok(about, version);
  const bad = missed.some(({ severity }) => severity === 'fail') ? fail : warn;
  const reasons = missed.map(({ reason }) => reason).join('; ');
  return bad(
    about,
    version,
    `update to ${newest.version} or newer: ${reasons} (floors of ${doctorFloorsReviewed})`,
  );
}
