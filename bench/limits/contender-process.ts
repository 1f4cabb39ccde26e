import { Redis } from 'ioredis';
import pg from 'pg';
import { RateLimiterMemory, RateLimiterPostgres, RateLimiterRedis } from 'rate-limiter-flexible';
import { Limiter } from '../../src/billing/limits/limiter.ts';
import { systemClock } from '../../src/core/clock.ts';
import { openMemoryLimits } from '../../src/drivers/memory/limits.ts';
import { openPostgresLimits } from '../../src/drivers/postgres/limits.ts';
import { openPostgresAdmin } from '../../src/drivers/postgres/open.ts';
import { openRedisLimits } from '../../src/drivers/redis/limits.ts';

/** One process of a contender: waits for `go`, asks for a while, says how many were asked and how many admitted. */
export interface Game {
  readonly contender: string;
  readonly redisUrl: string;
  readonly postgresUrl: string;
  readonly run: string;
  readonly tenants: number;
  readonly inFlight: number;
  readonly durationMs: number;
  /** Of each tenant, over the whole game; nothing comes back within it. */
  readonly limit: number;
}

type Take = (tenant: number) => Promise<boolean> | boolean;

const game = JSON.parse(process.argv[2] ?? '{}') as Game;
const { take, close } = await open();
process.send?.('ready');
process.once('message', () => void play());

async function play(): Promise<void> {
  const startedMs = performance.now();
  const cpuBefore = process.cpuUsage();
  const end = startedMs + game.durationMs;
  let asked = 0;
  let admitted = 0;
  const latencies: number[] = [];
  const ask = async (): Promise<void> => {
    for (let turn = 0; ; turn += 1) {
      const isTimed = turn % 64 === 0;
      const beganMs = isTimed ? performance.now() : 0;
      if (isTimed && beganMs >= end) return;
      const answer = take(Math.floor(Math.random() * game.tenants));
      const passed = typeof answer === 'boolean' ? answer : await answer;
      if (isTimed) latencies.push(performance.now() - beganMs);
      asked += 1;
      if (passed) admitted += 1;
      // A store in memory answers at once; others are let in now and then, as requests would be.
      if (turn % 1_024 === 1_023) await new Promise((go) => setImmediate(go));
    }
  };
  await Promise.all(Array.from({ length: game.inFlight }, ask));
  const elapsedMs = performance.now() - startedMs;
  const { user, system } = process.cpuUsage(cpuBefore);
  latencies.sort((a, b) => a - b);
  const p99Ms = latencies[Math.floor(latencies.length * 0.99)] ?? 0;
  const perSecond = (asked / elapsedMs) * 1_000;
  const perCpuSecond = (asked / (user + system)) * 1e6;
  process.send?.({ perSecond, perCpuSecond, admitted, p99Ms }, () => void close());
}

async function open(): Promise<{ take: Take; close: () => Promise<void> }> {
  const { contender, limit, run } = game;
  const [owner, store] = contender.split(' ') as [string, string];
  if (owner === 'bulkhead') return openOurs(store);
  const options = { points: limit, duration: 86_400, keyPrefix: run };
  const toTake =
    (limiter: { consume(key: string): Promise<unknown> }): Take =>
    (tenant) =>
      limiter.consume(String(tenant)).then(
        () => true,
        () => false,
      );
  if (store === 'memory')
    return { take: toTake(new RateLimiterMemory(options)), close: async () => process.exit(0) };
  if (store === 'redis') {
    const storeClient = new Redis(game.redisUrl);
    return {
      take: toTake(new RateLimiterRedis({ ...options, storeClient })),
      close: async () => process.exit(0),
    };
  }
  const pool = new pg.Pool({ connectionString: game.postgresUrl, max: 8 });
  const table = { tableName: 'peer_limit', tableCreated: true };
  const limiter = new RateLimiterPostgres({ ...options, ...table, storeClient: pool });
  return { take: toTake(limiter), close: async () => process.exit(0) };
}

function openOurs(kind: string): { take: Take; close: () => Promise<void> } {
  const local = openMemoryLimits();
  const store =
    kind === 'memory'
      ? local
      : kind === 'redis'
        ? openRedisLimits({ name: 'limits', url: game.redisUrl, timeoutMs: 30_000, topology: 'single' })
        : openPostgresLimits(
            openPostgresAdmin({ url: game.postgresUrl, applicationName: 'bench', maxConnections: 8 }),
          );
  const limiter = new Limiter({ store, local, localShare: 1, clock: systemClock });
  // As many as the limit at once, and in the time of the game not one comes back.
  const rule = { kind: 'bucket', limit: 1, periodMs: 30 * 86_400_000, burst: game.limit } as const;
  const keys = Array.from({ length: game.tenants }, (_, tenant) => `limit:{${game.run}${tenant}}:minute`);
  return {
    take(tenant) {
      const limited = limiter.decide({ charges: [{ key: keys[tenant] ?? '', rule, cost: 1 }] }, 'closed');
      return limited instanceof Promise
        ? limited.then((each) => each.kind === 'answer' && each.answer.isAllowed)
        : limited.kind === 'answer' && limited.answer.isAllowed;
    },
    close: async () => process.exit(0),
  };
}
