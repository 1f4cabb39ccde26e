import { Limiter } from './billing/limits/limiter.ts';
import { createRateLimits, type RateLimits } from './billing/limits/rate-limits.ts';
import { readAuthority } from './compose-cache.ts';
import type { ComposeInput } from './compose.ts';
import type { LocalLimitStore, SharedLimitStore } from './drivers/limit-store.ts';
import { openMemoryLimits } from './drivers/memory/limits.ts';
import { openPostgresLimits } from './drivers/postgres/limits.ts';
import { openRedisLimits } from './drivers/redis/limits.ts';
import type { AdminDatabase } from './drivers/sql.ts';

/** Where requests are counted; while that does not answer, a share of each limit is counted here. undefined: switched off. */
export async function openLimits(
  input: ComposeInput,
  control: AdminDatabase,
): Promise<RateLimits | undefined> {
  const { config, clock } = input;
  if (config.limits.store === 'off') return undefined;
  const limiter = new Limiter({
    store: await openStore(input, control),
    local: openMemoryLimits(),
    localShare: 1 / config.limits.nodes,
    clock,
  });
  return createRateLimits({ limiter, clock });
}

async function openStore(
  { config, log }: ComposeInput,
  control: AdminDatabase,
): Promise<SharedLimitStore | LocalLimitStore> {
  const { store, url } = config.limits;
  if (store === 'postgres') return openPostgresLimits(control);
  if (store !== 'redis' || url === undefined) return openMemoryLimits();
  const { timeoutMs, authorityFile } = config.cacheStore;
  return openRedisLimits({
    name: 'limits',
    url,
    timeoutMs,
    authority: authorityFile === undefined ? undefined : await readAuthority(authorityFile),
    topology: 'single',
    onState: ({ state }) => log({ event: state === 'up' ? 'limits.back' : 'limits.lost' }),
  });
}
