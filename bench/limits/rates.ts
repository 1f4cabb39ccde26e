import { fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { newTestDatabase } from '../../test/support/node.ts';
import { measured, median, type BenchRow } from '../row.ts';
import type { Game } from './contender-process.ts';

const rounds = 3;
const processes = 4;
const tenants = 10_000;
const inFlight = 64;
const durationMs = 2_000;
/** Of each tenant: in the slow stores few tenants reach it, in the fast ones all do; none may go beyond it. */
const limit = 20;
/** One tenant that all processes ask for at once: as many as this are admitted, whoever asks. */
const hotLimit = 500;

const how = `GCRA, ${tenants.toLocaleString('en')} tenants, ${processes} processes with ${inFlight} in flight each, median of ${rounds} rounds`;
const contenders = [
  'bulkhead memory',
  'bulkhead redis',
  'bulkhead postgres',
  'peer memory',
  'peer redis',
  'peer postgres',
] as const;

interface Result {
  readonly perSecond: number;
  /** Of the asking process alone; what else runs on the machine does not count. */
  readonly perCpuSecond: number;
  readonly admitted: number;
  readonly p99Ms: number;
}

/** Rate limits against rate-limiter-flexible on the same stores, in turn, and whether they are exact over processes. */
export async function benchRates(): Promise<readonly BenchRow[]> {
  const redisUrl = process.env['BULKHEAD_TEST_VALKEY_URL'];
  const postgresUrl = process.env['BULKHEAD_TEST_POSTGRES_URL'];
  if (redisUrl === undefined || postgresUrl === undefined)
    throw new Error('BULKHEAD_TEST_VALKEY_URL or BULKHEAD_TEST_POSTGRES_URL is not set');
  await using database = await newTestDatabase(postgresUrl);
  await database.root.script('create schema bulkhead');
  await database.root.script(await readTable());
  await database.root.script(
    'create table peer_limit (key varchar(255) primary key, points integer not null default 0, expire bigint)',
  );
  const base = { redisUrl, postgresUrl: database.url };
  const results = new Map<string, Result[]>();
  for (let round = 0; round < rounds; round += 1)
    for (let turn = 0; turn < contenders.length; turn += 1) {
      const contender = contenders[(turn + round) % contenders.length] ?? contenders[0];
      const game: Game = { ...base, contender, run: randomUUID(), tenants, inFlight, durationMs, limit };
      const known = results.get(contender) ?? [];
      known.push(await playTogether(game));
      results.set(contender, known);
    }
  const of = (contender: string, figure: keyof Result): number =>
    median((results.get(contender) ?? []).map((result) => result[figure]));
  const hot: [string, number][] = [];
  for (const contender of ['bulkhead redis', 'bulkhead postgres']) {
    const game: Game = {
      ...base,
      contender,
      run: randomUUID(),
      tenants: 1,
      inFlight,
      durationMs,
      limit: hotLimit,
    };
    hot.push([contender, (await playTogether(game)).admitted]);
  }
  const row = (name: string, value: number, unit: string, target: string): BenchRow =>
    measured({ area: 'limits', name, value, unit, target, how });
  return [
    row('decisions over Redis, all processes together', of('bulkhead redis', 'perSecond'), '/s', '>= 150000'),
    ...(['memory', 'redis', 'postgres'] as const).flatMap((store) => [
      row(
        `decisions in ${store} against rate-limiter-flexible`,
        of(`bulkhead ${store}`, 'perSecond') / of(`peer ${store}`, 'perSecond'),
        'x',
        store === 'memory' ? '' : '>= 1',
      ),
      row(
        `decisions in ${store} for a second of CPU against rate-limiter-flexible`,
        of(`bulkhead ${store}`, 'perCpuSecond') / of(`peer ${store}`, 'perCpuSecond'),
        'x',
        '>= 1',
      ),
      row(`decision in ${store}, p99`, of(`bulkhead ${store}`, 'p99Ms'), 'ms', ''),
      row(`decision in ${store} by rate-limiter-flexible, p99`, of(`peer ${store}`, 'p99Ms'), 'ms', ''),
    ]),
    ...hot.map(([contender, admitted]) =>
      row(
        `admitted beyond the limit of one hot tenant, ${contender}`,
        admitted - hotLimit,
        'requests',
        '<= 0',
      ),
    ),
  ];
}

async function playTogether(game: Game): Promise<Result> {
  const file = join(import.meta.dirname, 'contender-process.ts');
  const children = Array.from({ length: processes }, () => fork(file, [JSON.stringify(game)]));
  try {
    const next = (child: (typeof children)[number]): Promise<unknown> =>
      new Promise((resolve, reject) => {
        child.once('message', resolve);
        child.once('error', reject);
        child.once('exit', (code) => reject(new Error(`${game.contender}: a process ended with ${code}`)));
      });
    await Promise.all(children.map(next));
    const ended = children.map(next);
    for (const child of children) child.send('go');
    const results = (await Promise.all(ended)) as readonly Result[];
    return {
      perSecond: results.reduce((sum, { perSecond }) => sum + perSecond, 0),
      perCpuSecond: median(results.map(({ perCpuSecond }) => perCpuSecond)),
      admitted: results.reduce((sum, { admitted }) => sum + admitted, 0),
      p99Ms: Math.max(...results.map(({ p99Ms }) => p99Ms)),
    };
  } finally {
    for (const child of children) child.kill('SIGKILL');
  }
}

async function readTable(): Promise<string> {
  const folder = join(import.meta.dirname, '../../sql/control');
  const name = (await readdir(folder)).find((file) => file.endsWith('_rate_limit.sql'));
  if (name === undefined) throw new Error('no table of limits');
  return await readFile(join(folder, name), 'utf8');
}
