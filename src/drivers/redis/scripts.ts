import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';

/** A Lua script and the name Redis has for it. */
export interface RedisScript {
  readonly text: string;
  readonly digest: string;
}

export function toScript(text: string): RedisScript {
  return Object.freeze({ text, digest: createHash('sha1').update(text).digest('hex') });
}

/** By digest; a server that has forgotten the script, as after a restart, is sent it whole. */
export async function evaluate(
  redis: Redis,
  script: RedisScript,
  input: { readonly keys: readonly string[]; readonly values: readonly string[] },
): Promise<unknown> {
  const { keys, values } = input;
  try {
    return await redis.evalsha(script.digest, keys.length, ...keys, ...values);
  } catch (cause) {
    if (!(cause instanceof Error) || !cause.message.startsWith('NOSCRIPT')) throw cause;
    return await redis.eval(script.text, keys.length, ...keys, ...values);
  }
}

/**
 * KEYS gate, key · ARGV gate as known, value, time to live in ms, mode (`any`, `absent` or `equal`), value as seen.
 * Answers 1 stored, 0 another value stands there, or the gate as it is (the empty string where there is none).
 */
export const putScript = toScript(`
local gate = redis.call('get', KEYS[1])
if gate ~= ARGV[1] then return gate or '' end
if ARGV[4] ~= 'any' then
  local value = redis.call('get', KEYS[2])
  if ARGV[4] == 'absent' and value then return 0 end
  if ARGV[4] == 'equal' and value ~= ARGV[5] then return 0 end
end
redis.call('set', KEYS[2], ARGV[2], 'px', ARGV[3])
return 1`);

/** KEYS gate · ARGV from, to; the empty string = none. Answers the gate afterwards. */
export const swapScript = toScript(`
local gate = redis.call('get', KEYS[1]) or ''
if gate ~= ARGV[1] then return gate end
if ARGV[2] == '' then redis.call('del', KEYS[1]) else redis.call('set', KEYS[1], ARGV[2]) end
return ARGV[2]`);

/** KEYS claim · ARGV owner. Removes the claim where it is the owner's. */
export const releaseScript = toScript(`
if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end
return 0`);
