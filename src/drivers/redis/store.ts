import type { Redis } from 'ioredis';
import type { KeyValueStore, KeyWrite, PutOutcome } from '../key-value.ts';
import { RedisLink, type RedisLinkOptions } from './link.ts';
import { evaluate, putScript, releaseScript, swapScript } from './scripts.ts';

const scanCount = 1_000;
/** No part of a key can contain the sign, so no key is ever a gate. */
const gateName = '!gate';
const claimKey = 'bulkhead:owner';

/** Redis 6.2 or later, or Valkey; one server, or a primary reached by one address. Connects when first asked. */
export function openRedisStore(options: RedisLinkOptions): KeyValueStore {
  const link = new RedisLink(options);
  const gateOf = (space: string): string => `${space}${gateName}`;

  const scan = async function* (space: string, pattern: string): AsyncGenerator<readonly string[]> {
    let cursor = '0';
    do {
      const at = cursor;
      const [next, found] = await link.run((redis) =>
        redis.scan(at, 'MATCH', `${escapeGlob(space)}${pattern}`, 'COUNT', scanCount),
      );
      const keys = found.map((key) => key.slice(space.length)).filter((key) => key !== gateName);
      if (keys.length > 0) yield keys;
      cursor = next;
    } while (cursor !== '0');
  };

  return {
    spaceBytes: undefined,
    async look({ space, key }, signal) {
      const [gate, value] = await link.run((redis) => redis.mget(gateOf(space), `${space}${key}`), signal);
      return { gate: gate ?? undefined, value: value ?? undefined };
    },
    async put(write, signal) {
      const answer = await link.run((redis) => sendPut(redis, gateOf(write.space), write), signal);
      return toPutOutcome(answer);
    },
    async swapGate(space, { from, to }) {
      const after = await link.run((redis) =>
        evaluate(redis, swapScript, { keys: [gateOf(space)], values: [from ?? '', to ?? ''] }),
      );
      return after === '' ? undefined : String(after);
    },
    keys: (space, pattern = '*') => scan(space, pattern),
    async *everything() {
      let cursor = '0';
      do {
        const at = cursor;
        const [next, names] = await link.run((redis) => redis.scan(at, 'COUNT', scanCount));
        if (names.length > 0) yield names.map((name) => ({ name, isGate: name.endsWith(gateName) }));
        cursor = next;
      } while (cursor !== '0');
    },
    async read(space, keys) {
      return await link.run(async (redis) => {
        const pipeline = redis.pipeline();
        for (const key of keys) pipeline.get(`${space}${key}`).pttl(`${space}${key}`);
        const answers = (await pipeline.exec()) ?? [];
        return keys.map((_, index) => {
          const [failed, value] = answers[2 * index] ?? [];
          if (failed) throw failed;
          const ttlMs = answers[2 * index + 1]?.[1];
          return typeof value === 'string' && typeof ttlMs === 'number' && ttlMs > 0
            ? { value, ttlMs }
            : undefined;
        });
      });
    },
    remove: (space, keys) =>
      keys.length === 0
        ? Promise.resolve(0)
        : link.run((redis) => redis.unlink(...keys.map((key) => `${space}${key}`))),
    async claim(owner, mode) {
      if (mode === 'take') await link.run((redis) => redis.set(claimKey, owner, 'NX'));
      return (await link.run((redis) => redis.get(claimKey))) ?? undefined;
    },
    async release(owner) {
      await link.run((redis) => evaluate(redis, releaseScript, { keys: [claimKey], values: [owner] }));
    },
    state: () => link.state,
    close: () => link.close(),
  };
}

function sendPut(redis: Redis, gateKey: string, write: KeyWrite): Promise<unknown> {
  const { space, key, gate, value, ttlMs, seen } = write;
  const mode = seen === undefined ? 'any' : seen === null ? 'absent' : 'equal';
  const keys = [gateKey, `${space}${key}`];
  const values = [gate, value, String(Math.ceil(ttlMs)), mode, seen ?? ''];
  return evaluate(redis, putScript, { keys, values });
}

function toPutOutcome(answer: unknown): PutOutcome {
  if (answer === 1) return { kind: 'stored' };
  if (answer === 0) return { kind: 'changed' };
  return { kind: 'gate', gate: typeof answer === 'string' && answer !== '' ? answer : undefined };
}

function escapeGlob(text: string): string {
  return text.replace(/[*?[\]\\^]/g, String.raw`\$&`);
}
