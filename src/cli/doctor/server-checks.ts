import type { Config } from '../../config.ts';
import { extensionFloors, floorsReviewed, isBelow, serverFloors } from '../../verify/proof/floors.ts';
import { expectThat, fail, ok, warn, type Check } from './check.ts';
import type { Seat } from './seat.ts';

export function checkServer(
  seat: Seat,
  config: Config,
  askedAt: { readonly fromMs: number; readonly toMs: number },
): readonly Check[] {
  return [
    checkServerVersion(seat),
    ...checkExtensions(seat),
    checkClock(seat.clockMs, askedAt),
    ...(config.databaseUrl === undefined ? [] : [checkConnections(seat, config)]),
    checkLogging(seat),
    config.databaseUrl === undefined ? embeddedDurability : checkDurability(seat),
  ];
}

function checkServerVersion({ versionNumber, version }: Seat): Check {
  const about = { area: 'versions', name: 'PostgreSQL' } as const;
  const floor = serverFloors.find(({ major }) => major === Math.floor(versionNumber / 10_000));
  const dated = `(floors of ${floorsReviewed})`;
  if (floor === undefined) return fail(about, version, `this major version is not known ${dated}; use 17`);
  if (versionNumber < floor.from) return fail(about, version, `update to ${floor.name} or newer ${dated}`);
  return floor.endOfLife
    ? warn(about, version, `nobody mends this line any more; use 17 ${dated}`)
    : ok(about, version);
}

/** Those with a floor that are installed; pgvector also where it would be installed when vectors are first wanted. */
function checkExtensions({ extensions, availableVector }: Seat): readonly Check[] {
  const installed = Object.entries(extensions).flatMap(([name, version]) => checkExtension(name, version));
  if ('vector' in extensions || availableVector === null) return installed;
  return [...installed, ...checkExtension('vector', availableVector).map(toFuture)];
}

function checkExtension(name: string, version: string): readonly Check[] {
  const floors = extensionFloors.filter((floor) => floor.name === name);
  if (floors.length === 0) return [];
  const about = { area: 'versions', name: `extension ${name}` } as const;
  const missed = floors.filter(({ below }) => isBelow(version, below));
  const newest = missed.at(-1);
  if (newest === undefined) return [ok(about, version)];
  // What Bulkhead avoids by the way it works is a reason to update, and none to stop.
  const bad = missed.some(({ severity, avoided }) => severity === 'error' && avoided === undefined)
    ? fail
    : warn;
  const reasons = missed
    .map(({ reason, avoided }) => (avoided === undefined ? reason : `${reason} (${avoided})`))
    .join('; ');
  return [bad(about, version, `update to ${newest.below} or newer: ${reasons}`)];
}

/** What is not installed hurts nobody yet. */
function toFuture(check: Check): Check {
  return {
    ...check,
    state: check.state === 'fail' ? 'warn' : check.state,
    found: `${check.found}, not in use`,
  };
}

const tolerableSkewMs = 5_000;

/** Leases and expiry compare the two clocks. */
function checkClock(
  clockMs: number,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): Check {
  const about = { area: 'database', name: 'clock' } as const;
  const skewMs = clockMs < fromMs ? clockMs - fromMs : Math.max(0, clockMs - toMs);
  const shown = `${Math.round(skewMs)} ms apart`;
  return expectThat(Math.abs(skewMs) <= tolerableSkewMs, {
    good: ok(about, shown),
    bad: warn(about, shown, 'set both clocks with NTP'),
  });
}

function checkConnections({ settings }: Seat, { pool }: Config): Check {
  const about = { area: 'settings', name: 'connections' } as const;
  const reserved =
    Number(settings['superuser_reserved_connections'] ?? 0) + Number(settings['reserved_connections'] ?? 0);
  const usable = Number(settings['max_connections'] ?? 0) - reserved;
  const shown = `${pool.maxConnections} a node, the server takes ${usable}`;
  if (pool.maxConnections > usable)
    return fail(
      about,
      shown,
      `lower BULKHEAD_MAX_CONNECTIONS to ${usable} or less, or raise max_connections`,
    );
  return expectThat(pool.maxConnections * 2 <= usable, {
    good: ok(about, shown),
    bad: warn(about, shown, 'a second node, as in a rolling update, would not get all its connections'),
  });
}

/** Statements travel with their parameters, and parameters are tenants' data. */
function checkLogging({ settings }: Seat): Check {
  const about = { area: 'settings', name: 'statement log' } as const;
  const logged = settings['log_statement'] ?? 'none';
  const slow = Number(settings['log_min_duration_statement'] ?? -1);
  const parameters = settings['log_parameter_max_length'] !== '0';
  if (!parameters) return ok(about, 'parameters are never logged');
  if (logged !== 'none' && logged !== 'ddl')
    return warn(
      about,
      `log_statement = ${logged}`,
      'set log_statement = none, or log_parameter_max_length = 0: tenants’ data is in the parameters',
    );
  return slow === -1
    ? ok(about, `log_statement = ${logged}`)
    : warn(
        about,
        `statements over ${slow} ms are logged`,
        'set log_parameter_max_length = 0: tenants’ data is in the parameters',
      );
}

/** Its files are written through the operating system's cache, whatever PostgreSQL's own settings say. */
const embeddedDurability = warn(
  { area: 'settings', name: 'durability' },
  'survives a killed process, but not a power failure',
  'set BULKHEAD_DATABASE_URL in production: the embedded database is for trying and developing',
);

const durable = { fsync: 'on', full_page_writes: 'on', synchronous_commit: 'on' } as const;

/** What was acknowledged must survive a crash. */
function checkDurability({ settings }: Seat): Check {
  const about = { area: 'settings', name: 'durability' } as const;
  const wrong = Object.entries(durable).filter(([name, value]) => {
    const found = settings[name];
    // remote_apply and remote_write promise more than `on` does, not less.
    return found !== value && !(name === 'synchronous_commit' && found?.startsWith('remote_') === true);
  });
  const shown = wrong.map(([name]) => `${name} = ${settings[name] ?? 'unknown'}`).join(', ');
  return expectThat(wrong.length === 0, {
    good: ok(
      about,
      `fsync, full_page_writes, synchronous_commit; wal_level ${settings['wal_level'] ?? 'unknown'}`,
    ),
    bad: fail(about, shown, 'set them to on: a crash would lose what was acknowledged'),
  });
}
