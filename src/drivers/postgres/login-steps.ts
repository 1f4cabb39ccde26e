import { toContextStatement } from '../wire/context-statement.ts';
import { begin, resetAll, type ScopedSteps } from '../wire/scoped-steps.ts';

/** For a connection that is logged in as the weak login: the context sets the role, back to that login where there is none. */
export const loginSteps: ScopedSteps = {
  single: (context, step, session) =>
    session === 'as_opened'
      ? [toContextStatement(context), step]
      : [resetAll, toContextStatement(context), step],
  opening: (context, step) => [resetAll, begin, toContextStatement(context), step],
  following: (_context, step) => [step],
  otherStatements: 'alone',
  timeoutMs: () => 0,
};
