import { access } from 'node:fs/promises';
import type { Bulkhead } from '../../bulkhead.ts';
import { readConfig, type Config } from '../../config.ts';
import { BulkheadError, isBulkheadError } from '../../core/errors.ts';
import type { Tenant } from '../../core/tenant.ts';
import { createBulkhead } from '../../create-bulkhead.ts';
import { adviceFor } from '../advice.ts';
import { findServer } from '../connection/connect.ts';
import type { Exit } from '../exit.ts';
import { startProgress } from '../progress.ts';
import type { Session } from '../session.ts';
import { alternate, alternationRounds } from './alternate.ts';
import { fail, ok, untested, type Check } from './check.ts';
import { drawChecks } from './draw.ts';
import { checkMigrations } from './fleet-checks.ts';
import { checkHost } from './host.ts';
import { checkRoles } from './role-checks.ts';
import { readSeat, type Seat } from './seat.ts';
import { checkServer } from './server-checks.ts';
import { createGuests } from './throw-aways.ts';
import { checkWalls } from './wall-checks.ts';

/** Looks at everything, changes nothing that stays. */
export async function doctor(session: Session): Promise<Exit> {
  const config = session.config();
  // The database first: opening it is what makes the files that the host is then looked at for.
  const database = await checkDatabase(session, config);
  const checks = [...(await checkHost(config)), ...database];
  const failed = checks.some(({ state }) => state === 'fail');
  const counts = Object.fromEntries(
    ['ok', 'warn', 'fail', 'untested'].map((state) => [
      state,
      checks.filter((check) => check.state === state).length,
    ]),
  );
  session.output.result({ healthy: !failed, ...counts, checks }, (page) => drawChecks(page, checks));
  return failed ? 'failed' : 'ok';
}

const aboutDatabase = { area: 'database', name: 'database' } as const;

async function checkDatabase(session: Session, config: Config): Promise<readonly Check[]> {
  // One connection for all tenants' work: two of them on it is what has to be seen.
  const alone = readConfig({
    ...session.env,
    BULKHEAD_POOL_MAX: '1',
    BULKHEAD_POOL_MIN: '1',
    BULKHEAD_TENANT_POOL_MAX: '1',
    BULKHEAD_LOG_LEVEL: 'silent',
  });
  if (await isEmpty(config))
    return [
      untested(
        aboutDatabase,
        `there is no data in ${config.dataDir} yet`,
        'start a server with: bulkhead serve',
      ),
    ];
  let node: Bulkhead;
  try {
    node = await createBulkhead({ config: alone });
  } catch (cause) {
    return [await explainUnopened(session, cause)];
  }
  try {
    const opened = ok(aboutDatabase, config.databaseUrl === undefined ? 'embedded' : 'reached');
    return [opened, ...(await examine(session, node).catch(explainBroken))];
  } finally {
    await node.close();
  }
}

/** Looking must not make a database. */
async function isEmpty({ databaseUrl, dataDir }: Config): Promise<boolean> {
  if (databaseUrl !== undefined) return false;
  return await access(dataDir).then(
    () => false,
    () => true,
  );
}

/** A server that has the embedded database open keeps everybody else out of it; that is no fault. */
async function explainUnopened(session: Session, cause: unknown): Promise<Check> {
  if (!isBulkheadError(cause)) throw cause;
  const url = await findServer(session);
  if (cause.code === 'data_dir_in_use' && url !== undefined)
    return untested(aboutDatabase, `the server at ${url} has it open`, 'stop the server and run this again');
  return fail(aboutDatabase, cause.message, hintOf(cause));
}

/** What breaks an examination is a finding too. */
function explainBroken(cause: unknown): readonly Check[] {
  if (!isBulkheadError(cause)) throw cause;
  return [
    fail({ area: 'database', name: 'tenants' }, `a tenant cannot work: ${cause.message}`, hintOf(cause)),
  ];
}

function hintOf(error: BulkheadError): string {
  const { hint } = error.detail;
  return typeof hint === 'string' ? hint : adviceFor(error.code, error.retry);
}

async function examine(session: Session, node: Bulkhead): Promise<readonly Check[]> {
  await using guests = createGuests(node);
  const embedded = node.config.databaseUrl === undefined;
  const of = { dialect: embedded ? 'pglite' : 'postgres', rolePrefix: node.registry.rolePrefix } as const;
  const shared = await guests.invite('shared');
  const schema = await guests.invite('schema');
  const fromMs = Date.now();
  const seat = await seatOf(node, shared);
  const toMs = Date.now();
  const checks = [...checkServer(seat, session.config(), { fromMs, toMs })];
  checks.push(...checkRoles({ ...of, isolation: 'shared', seat }));
  checks.push(...checkRoles({ ...of, isolation: 'schema', seat: await seatOf(node, schema) }));
  if (embedded)
    checks.push(
      untested(
        { area: 'roles', name: 'role of database tenants' },
        'an embedded database has no logins of its own',
      ),
    );
  else {
    const own = await guests.invite('database');
    checks.push(...checkRoles({ ...of, isolation: 'database', seat: await seatOf(node, own) }));
  }
  checks.push(...(await checkMigrations(node)), ...(await checkWalls(node)));
  checks.push(await checkAlternation(session, node, [shared, schema]));
  return checks;
}

function seatOf(node: Bulkhead, tenant: Tenant): Promise<Seat> {
  return node.run(tenant.id, () => readSeat(node.rows.current()));
}

async function checkAlternation(
  session: Session,
  node: Bulkhead,
  tenants: readonly [Tenant, Tenant],
): Promise<Check> {
  const { poolerUrl } = node.config;
  const about = {
    area: 'pooler',
    name: poolerUrl === undefined ? 'two tenants, one connection' : 'two tenants through the pooler',
  } as const;
  const progress = startProgress(session.output, 'two tenants in turn', alternationRounds);
  const { turns, handOvers, mistakes } = await alternate(node, tenants, () => progress.advance());
  progress.done();
  if (mistakes.length > 0)
    return fail(
      about,
      mistakes.join('; '),
      'put the pooler into transaction mode; let no tenant in until this holds',
    );
  if (handOvers < alternationRounds)
    return untested(
      about,
      `only ${handOvers} of ${turns} turns followed the other tenant on one server process`,
      'run it again when less goes on, or with a smaller pool in the pooler',
    );
  return ok(about, `${turns} turns, ${handOvers} hand-overs on one server process, nothing carried over`);
}
