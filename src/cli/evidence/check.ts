import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checkEvidence, type EvidenceCheck } from '../../verify/evidence/check.ts';
import { parsePrivateKey, toPublicPem } from '../../verify/evidence/key.ts';
import { toHtmlReport } from '../../verify/evidence/report/report.ts';
import type { CheckingOptions, ReportOptions } from '../commands/evidence.ts';
import type { Exit } from '../exit.ts';
import { CliFailure } from '../failure.ts';
import type { Session } from '../session.ts';
import { toMoment } from '../text/when.ts';

const dayMs = 86_400_000;

async function check(session: Session, file: string, options: CheckingOptions): Promise<EvidenceCheck> {
  return checkEvidence(await readText(file), {
    publicKey: await readPublicKey(session, options.key),
    nowMs: Date.now(),
    maxAgeMs: options.maxAge * dayMs,
    nonce: options.nonce,
  });
}

export async function verifyEvidence(
  session: Session,
  file: string,
  options: CheckingOptions,
): Promise<Exit> {
  const { statement: _, ...found } = await check(session, file, options);
  session.output.result(found, (page) =>
    page.fields([
      ['evidence', { text: found.state, style: found.state === 'genuine' ? 'good' : 'bad' }],
      ['says', { text: found.verdict ?? '-', style: found.verdict === 'held' ? 'good' : 'bad' }],
      ['made', found.madeAt === undefined ? '-' : toMoment(found.madeAt)],
      ['nonce', found.nonce ?? '-'],
      ['key', found.keyId],
      ['problems', found.problems.join('; ') || 'none'],
    ]),
  );
  if (found.state !== 'genuine') return 'failed';
  return found.verdict === 'held' ? 'ok' : found.verdict === 'inconclusive' ? 'usage' : 'failed';
}

/** A report of a file that cannot be believed is not written. */
export async function reportEvidence(session: Session, file: string, options: ReportOptions): Promise<Exit> {
  const found = await check(session, file, options);
  const { statement } = found;
  if (statement === undefined)
    throw new CliFailure('file_unreadable', {
      reason: `${file}: ${found.problems.join('; ')}`,
      hint: 'use the file as it was made, and the public key of whoever made it',
    });
  await writeFile(options.out, toHtmlReport({ ...found, statement }));
  session.output.result(
    { file: options.out, state: found.state, verdict: found.verdict },
    () => `written to ${options.out}`,
  );
  return found.state === 'genuine' ? 'ok' : 'failed';
}

/** The public half is enough; where it was made the private one is at hand too. */
async function readPublicKey(session: Session, file: string | undefined): Promise<string> {
  if (file !== undefined) return await readText(file);
  const own = join(session.config().dataDir, 'evidence-key');
  return toPublicPem(parsePrivateKey(await readText(own)));
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new CliFailure(
      'file_unreadable',
      { reason: path, hint: 'check its name and that you may read it' },
      { cause },
    );
  }
}
