import type { Clock } from '../../core/clock.ts';
import type { KeyValueStore } from '../key-value.ts';
import { MemorySpace } from './space.ts';

export interface MemoryStoreOptions {
  readonly clock: Clock;
  /** What one space may hold before its own oldest entries go. */
  readonly spaceBytes: number;
  /** What all spaces may hold together before the largest of them gives way. */
  readonly totalBytes: number;
}

/** A store in the memory of this process. It ends with the process, and other processes do not see it. */
export function openMemoryStore(options: MemoryStoreOptions): KeyValueStore {
  const { clock, spaceBytes, totalBytes } = options;
  const spaces = new Map<string, MemorySpace>();
  let owner: string | undefined;

  const spaceOf = (name: string): MemorySpace => {
    const known = spaces.get(name) ?? new MemorySpace(clock, spaceBytes);
    spaces.set(name, known);
    return known;
  };
  let usedBytes = 0;
  const changing = <T>(space: MemorySpace, change: () => T): T => {
    const before = space.sizeBytes;
    const result = change();
    usedBytes += space.sizeBytes - before;
    if (usedBytes > totalBytes) usedBytes = makeRoom(spaces, totalBytes);
    return result;
  };

  return {
    spaceBytes,
    look: async ({ space, key }) => spaces.get(space)?.look(key) ?? { gate: undefined, value: undefined },
    async put({ space: name, key, gate, value, ttlMs, seen, room }) {
      const space = spaces.get(name);
      if (space?.gate !== gate || space === undefined) return { kind: 'gate', gate: space?.gate };
      if (seen !== undefined && (space.get(key)?.value ?? null) !== seen) return { kind: 'changed' };
      changing(space, () => space.set(key, { value, ttlMs, isKept: room === 'kept' }));
      return { kind: 'stored' };
    },
    async swapGate(name, { from, to }) {
      const space = spaceOf(name);
      if (space.gate === from) space.gate = to;
      if (space.gate === undefined && space.sizeBytes === 0) spaces.delete(name);
      return space.gate;
    },
    async *keys(name, pattern) {
      const names = spaces.get(name)?.names() ?? [];
      const matching = pattern === undefined ? undefined : toMatcher(pattern);
      const found = matching === undefined ? names : names.filter((key) => matching.test(key));
      if (found.length > 0) yield found;
    },
    async *everything() {
      for (const [space, held] of spaces) {
        const names = held.names().map((key) => ({ name: `${space}${key}`, isGate: false }));
        yield held.gate === undefined ? names : [...names, { name: space, isGate: true }];
      }
    },
    async read(name, keys) {
      const space = spaces.get(name);
      const nowMs = clock.monotonicMs();
      return keys.map((key) => {
        const held = space?.get(key);
        return held === undefined ? undefined : { value: held.value, ttlMs: held.expiresAtMs - nowMs };
      });
    },
    async remove(name, keys) {
      const space = spaces.get(name);
      if (space === undefined) return 0;
      const removed = changing(space, () => keys.filter((key) => space.delete(key)).length);
      if (space.gate === undefined && space.sizeBytes === 0) spaces.delete(name);
      return removed;
    },
    async claim(tenant, mode) {
      if (mode === 'take') owner ??= tenant;
      return owner;
    },
    async release(tenant) {
      if (owner === tenant) owner = undefined;
    },
    state: () => 'up',
    async close() {
      spaces.clear();
    },
  };
}

/** The largest space gives way, so that a small tenant never pays for a large one. @returns bytes in use afterwards */
function makeRoom(spaces: ReadonlyMap<string, MemorySpace>, totalBytes: number): number {
  let usedBytes = 0;
  for (const space of spaces.values()) usedBytes += space.sizeBytes;
  while (usedBytes > totalBytes) {
    let largest: MemorySpace | undefined;
    for (const space of spaces.values())
      if (largest === undefined || space.sizeBytes > largest.sizeBytes) largest = space;
    if (largest === undefined || largest.sizeBytes === 0) return usedBytes;
    const before = largest.sizeBytes;
    // More than is needed now: finding the largest looks at every space.
    largest.shrinkTo(before - Math.max(usedBytes - totalBytes, before / 8));
    usedBytes += largest.sizeBytes - before;
  }
  return usedBytes;
}

function toMatcher(pattern: string): RegExp {
  const parts = pattern.split('*').map((part) => part.replace(/[.\\^$+?()[\]{}|]/g, String.raw`\$&`));
  return new RegExp(`^${parts.join('.*')}$`, 's');
}
