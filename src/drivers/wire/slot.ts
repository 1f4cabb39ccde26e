import type { PoolLimits } from './limits.ts';
import type { PipelinedConnection } from './pipelined-connection.ts';

/** One connection of a pool and who has it. */
export interface Slot {
  readonly connection: PipelinedConnection;
  readonly openedMs: number;
  /** `reserved`: takes nothing new, so that it runs empty for somebody who waits for a connection of his own. */
  use: 'shared' | 'reserved' | 'alone';
  /** The tenant that has it alone, or had it last. */
  guest: string | undefined;
  /** The lane served last: the two take turns. */
  lastLane: 'shared' | 'alone';
  /** Not to be used again, by whoever has it now excepted. */
  isSpoilt: boolean;
}

export function isBusy({ use, connection }: Slot): boolean {
  return use === 'alone' || connection.depth > 0;
}

export function isFree(slot: Slot): boolean {
  return slot.connection.isUsable && !isBusy(slot);
}

/** How many connections a short statement may choose from. */
export type Reach = 'few' | 'all';

/**
 * The connection for a short statement. Most keep to the first few connections, several deep: that saves the server
 * and us most of the work of waking up. When those are stalled or full, it is any connection.
 * None that is stalled or full is given.
 */
export function slotForShared(slots: readonly Slot[], reach: Reach, limits: PoolLimits): Slot | undefined {
  const few = reach === 'few' ? leastLoaded(slots.slice(0, limits.sharedConnections), limits) : undefined;
  return few ?? leastLoaded(slots, limits);
}

function leastLoaded(slots: readonly Slot[], limits: PoolLimits): Slot | undefined {
  let best: Slot | undefined;
  let bestDepth = limits.depth;
  let nowMs = 0;
  for (const slot of slots) {
    const { connection } = slot;
    if (slot.use !== 'shared' || !connection.isUsable) continue;
    const { depth } = connection;
    if (depth === 0) return slot;
    if (depth >= bestDepth) continue;
    nowMs ||= performance.now();
    if (connection.headAgeMs(nowMs) > limits.stallMs) continue;
    best = slot;
    bestDepth = depth;
  }
  return best;
}
