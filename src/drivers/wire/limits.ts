/** What bounds one pool of connections. */
export interface PoolLimits {
  /** Kept open when idle. */
  readonly minConnections: number;
  readonly maxConnections: number;
  /** Short statements share this many connections, several on their way in each, before more are opened for them. */
  readonly sharedConnections: number;
  /** Batches on their way in one connection. */
  readonly depth: number;
  /** A connection whose oldest batch takes longer than this gets no new ones behind it. */
  readonly stallMs: number;
  /** Connections that one tenant may have to itself at a time, so that its slow work leaves some for the others. */
  readonly maxAlonePerTenant: number;
  readonly maxWaiting: number;
  readonly maxWaitingPerTenant: number;
  readonly waitTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly idleTimeoutMs: number;
  /** A connection older than this is replaced when it is idle, so that a new password or address takes effect. */
  readonly maxLifetimeMs: number;
  /** The server does not answer at all: longer than any statement timeout. */
  readonly replyTimeoutMs: number;
  /** Named statements a connection keeps. */
  readonly statements: number;
}

export const defaultLimits: PoolLimits = Object.freeze({
  minConnections: 0,
  maxConnections: 10,
  sharedConnections: 4,
  depth: 8,
  stallMs: 20,
  maxAlonePerTenant: Number.POSITIVE_INFINITY,
  maxWaiting: 2_000,
  maxWaitingPerTenant: 200,
  waitTimeoutMs: 5_000,
  connectTimeoutMs: 5_000,
  idleTimeoutMs: 30_000,
  maxLifetimeMs: 30 * 60_000,
  replyTimeoutMs: 120_000,
  statements: 256,
});
