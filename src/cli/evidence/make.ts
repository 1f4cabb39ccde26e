import { writeFile } from 'node:fs/promises';
import type { MakeOptions } from '../commands/evidence.ts';
import { withOperator } from '../connection/connect.ts';
import type { Exit } from '../exit.ts';
import type { Session } from '../session.ts';
import { runVerification } from '../verify/verify.ts';
import { drawVerification } from '../verify/draw.ts';

/** Verifies with all there is, and writes the signed result, whatever it says: a leak is evidence too. */
export async function makeEvidence(session: Session, options: MakeOptions): Promise<Exit> {
  const { tenant, against, nonce, out } = options;
  const { done, envelope } = await withOperator(session, async (operator) => {
    const body = {
      ...(tenant === undefined ? {} : { tenant }),
      ...(against === undefined ? {} : { against }),
      mutations: tenant === undefined,
      underLoad: options.underLoad === true,
    };
    const verified = await runVerification(session, operator, body);
    const signed = await operator.call('getEvidence', {
      params: { verification: verified.id },
      query: nonce === undefined ? {} : { nonce },
      body: undefined,
    });
    return { done: verified, envelope: signed };
  });
  await writeFile(out, `${JSON.stringify(envelope, null, 2)}\n`);
  session.output.result({ file: out, verification: done.id, verdict: done.verdict }, (page) =>
    [drawVerification(page, done), `written to ${out}; read it with: bulkhead evidence report ${out}`].join(
      '\n\n',
    ),
  );
  return done.verdict === 'held' ? 'ok' : done.verdict === 'inconclusive' ? 'usage' : 'failed';
}

export async function showKey(session: Session): Promise<void> {
  const { keyId, publicKey } = await withOperator(session, (operator) =>
    operator.call('getEvidenceKey', { params: {}, query: undefined, body: undefined }),
  );
  session.output.result({ keyId, publicKey }, () => publicKey.trimEnd());
}
