import type { LimitAnswer, LimitAsking } from '../core/limit.ts';
import type { StoreState } from './key-value.ts';

/** Where limits are counted. All stores answer alike; a conformance test says so. */
export interface LimitStore {
  readonly isLocal: boolean;
  /**
   * Decides and takes, each asking wholly or not at all, in their order.
   * @throws compartment_unreachable
   */
  decide(askings: readonly LimitAsking[], nowMs: number): Promise<readonly LimitAnswer[]>;
  state(): StoreState;
  close(): Promise<void>;
}

/** One in the memory of this process, which needs no promise. */
export interface LocalLimitStore extends LimitStore {
  readonly isLocal: true;
  decideNow(askings: readonly LimitAsking[], nowMs: number): readonly LimitAnswer[];
}

/** One that several processes share. */
export interface SharedLimitStore extends LimitStore {
  readonly isLocal: false;
}
