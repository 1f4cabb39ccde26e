import type { OnMessage } from './wire-reader.ts';

/** A server session that has said ReadyForQuery once, and that nobody listens to but us. */
export interface WireSocket {
  /** What BackendKeyData said; behind a pooler this is not the server's own process id. */
  readonly processId: number;
  readonly isClosed: boolean;
  /** Once, before the first write. */
  listen(onMessage: OnMessage, onClosed: () => void): void;
  /** `timeoutMs` is for a server that does not stop statements by itself; 0 = no bound. */
  write(bytes: Buffer, timeoutMs: number): void;
  /** Ends the session after what was written; `onClosed` tells when that is done. */
  end(): void;
  destroy(): void;
  /** Asks the server to stop what this session runs. Best effort: never throws, never waits for an answer. */
  cancel(): void;
}
