import type { WallContext } from '../sql.ts';
import type { Step } from '../wire/batch.ts';
import { toContextStatement } from '../wire/context-statement.ts';
import { begin, resetAll, type ScopedSteps } from '../wire/scoped-steps.ts';

const resetRole: Step = Object.freeze({ text: 'reset role', domain: '', values: [] });

/**
 * For a session that is logged in as superuser, as the only one of an embedded instance is: every statement runs with
 * the weak role, and role and context are set anew before each, by the superuser. `set_config` is taken from everybody
 * else (see hardenEmbedded), so a tenant's statement cannot become anybody, nor keep anything.
 */
export function roleSteps(appRole: string, statementTimeoutMs: number): ScopedSteps {
  const context = (given: WallContext): Step => toContextStatement({ ...given, role: given.role ?? appRole });
  return {
    single: (given, step) => [resetAll, context(given), step],
    opening: (given, step) => [resetAll, begin, context(given), step],
    following: (given, step) => [resetRole, context(given), step],
    otherStatements: 'refused',
    timeoutMs: (given) => given.statementTimeoutMs ?? statementTimeoutMs,
  };
}
