import type { PoolLimits } from './limits.ts';
import type { PipelinedConnection } from './pipelined-connection.ts';

/** One connection of a pool and who has it. */
export interface Slot {
  readonly connection: PipelinedConnection;
  readonly openedMs: number;
  /** `reserved`: takes nothing new, so that it runs empty for somebody who waits for a connection of his own. */
  use: 'shared' | 'reserved' | 'alone';
  /** The lane served last: the two take turns. */
  lastLane: 'shared' | 'alone';
}

/** The connection for a short statement: an idle one, else the one with least before it; none that is stalled or full. */
export function leastLoaded(slots: Iterable<Slot>, limits: PoolLimits): Slot | undefined {
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
