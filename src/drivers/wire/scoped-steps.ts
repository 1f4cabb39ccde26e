import type { WallContext } from '../sql.ts';
import type { Step } from './batch.ts';

/** `as_opened`: nothing since the connection was opened can have set anything for the session. */
export type SessionState = 'as_opened' | 'unknown';

/** What surrounds a tenant's statement, so that it runs with its tenant's rights and leaves nothing behind. */
export interface ScopedSteps {
  /** One statement on its own: one batch, one transaction. */
  single(context: WallContext, step: Step, session: SessionState): readonly Step[];
  /** The first statement of a transaction. */
  opening(context: WallContext, step: Step): readonly Step[];
  /** Another statement of the transaction. */
  following(context: WallContext, step: Step): readonly Step[];
  /** Whether a statement that does more than read and write rows may run at all; if so, then on a connection of its own. */
  readonly otherStatements: 'alone' | 'refused';
  /** For a server that does not stop statements by itself: when we do. 0 = it does. */
  timeoutMs(context: WallContext): number;
}

export const begin: Step = Object.freeze({ text: 'begin', domain: '', values: [] });
export const commit: Step = Object.freeze({ text: 'commit', domain: '', values: [] });
export const rollback: Step = Object.freeze({ text: 'rollback', domain: '', values: [] });
/**
 * Comes before a context on a session of unknown state: a setting that a statement before left for the session
 * (`set_config(…, false)`, which no privilege of ours can forbid) is gone before another tenant's statement is parsed.
 */
export const resetAll: Step = Object.freeze({ text: 'reset all', domain: '', values: [] });
