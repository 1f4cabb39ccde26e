/** The only source of time. Tests pass their own. */
export interface Clock {
  /** Milliseconds since the Unix epoch; may jump when the machine's clock is set. */
  nowMs(): number;
  /** Milliseconds since some start; never goes backwards. Use it for durations and deadlines. */
  monotonicMs(): number;
}

export const systemClock: Clock = Object.freeze({
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
});
