import { setTimeout } from 'node:timers/promises';
import type { VerificationDetailView, VerifyBody } from '../../client/schemas/verifications.ts';
import { BulkheadError } from '../../core/errors.ts';
import type { VerifyCommandOptions } from '../commands/verify.ts';
import { withOperator } from '../connection/connect.ts';
import type { Operator } from '../connection/operator.ts';
import type { Exit } from '../exit.ts';
import { startSteps } from '../progress.ts';
import type { Session } from '../session.ts';
import { drawVerification } from './draw.ts';

const exits = {
  held: 'ok',
  leaked: 'failed',
  failed: 'failed',
  inconclusive: 'usage',
} as const satisfies Record<NonNullable<VerificationDetailView['verdict']>, Exit>;

export async function verify(session: Session, options: VerifyCommandOptions): Promise<Exit> {
  const done = await withOperator(session, (operator) =>
    runVerification(session, operator, {
      ...(options.tenant === undefined ? {} : { tenant: options.tenant }),
      ...(options.against === undefined ? {} : { against: options.against }),
      ...(options.sample === undefined ? {} : { sample: options.sample }),
      mutations: options.mutations === true,
      underLoad: options.underLoad === true,
    }),
  );
  session.output.result(done, (page) => drawVerification(page, done));
  return done.verdict === null ? 'failed' : exits[done.verdict];
}

const lookEveryMs = 300;

/** Starts one and watches it to its end. @throws internal where it broke off */
export async function runVerification(
  session: Session,
  operator: Operator,
  body: VerifyBody,
): Promise<VerificationDetailView> {
  const { id } = await operator.call('startVerification', { params: {}, query: undefined, body });
  const steps = startSteps(session.output, 'attacking');
  try {
    for (;;) {
      const params = { verification: id };
      const now = await operator.call('getVerification', { params, query: undefined, body: undefined });
      if (now.progress !== null) steps.at(now.progress.done, now.progress.total, now.progress.label);
      if (now.state === 'done') return now;
      if (now.state === 'failed')
        throw new BulkheadError('internal', { reason: `the verification broke off: ${now.failure ?? ''}` });
      await setTimeout(lookEveryMs);
    }
  } finally {
    steps.done();
  }
}
