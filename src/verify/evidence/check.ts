import type { VerificationVerdict } from '../verification.ts';
import { Envelope, openEnvelope } from './envelope.ts';
import { keyIdOf, parsePublicKey } from './key.ts';
import { parseStatement, payloadType, type Statement } from './statement.ts';

/**
 * `forged`: not signed by this key, or altered since. `stale`: genuine, but too old, from the future, or not the answer to
 * this nonce. Only `genuine` says anything, and then what its own verdict says.
 */
export interface EvidenceCheck {
  readonly state: 'genuine' | 'stale' | 'forged';
  readonly problems: readonly string[];
  readonly keyId: string;
  readonly verdict: VerificationVerdict | undefined;
  readonly madeAt: string | undefined;
  readonly nonce: string | undefined;
  /** Undefined where it cannot be believed. */
  readonly statement: Statement | undefined;
}

export interface CheckOptions {
  /** PEM of whoever is believed. */
  readonly publicKey: string;
  readonly nowMs: number;
  readonly maxAgeMs: number;
  /** What was asked with; undefined: any. */
  readonly nonce?: string | undefined;
}

/** Clocks of two machines may differ by so much. */
const toleranceMs = 300_000;

/** Needs nothing but the file and the key: no database, no network. @throws credential_unreadable for a bad key */
export function checkEvidence(text: string, options: CheckOptions): EvidenceCheck {
  const key = parsePublicKey(options.publicKey);
  const keyId = keyIdOf(key);
  const forged = (problem: string): EvidenceCheck => ({
    state: 'forged',
    problems: [problem],
    keyId,
    verdict: undefined,
    madeAt: undefined,
    nonce: undefined,
    statement: undefined,
  });
  const envelope = parseEnvelope(text);
  if (envelope === undefined) return forged('the file is no DSSE envelope');
  if (envelope.payloadType !== payloadType)
    return forged(`the payload is ${envelope.payloadType.slice(0, 60)}`);
  const payload = openEnvelope(envelope, key);
  if (payload === undefined) return forged('no signature is of this key, or the content was altered');
  const statement = parseStatement(payload);
  if (statement === undefined)
    return forged('the statement is no evidence of isolation, or does not fit its subject');
  const { madeAt, nonce, verification } = statement.predicate;
  const problems = freshness(statement, options);
  return {
    state: problems.length === 0 ? 'genuine' : 'stale',
    problems,
    keyId,
    verdict: verification.verdict,
    madeAt,
    nonce,
    statement,
  };
}

function freshness({ predicate }: Statement, { nowMs, maxAgeMs, nonce }: CheckOptions): readonly string[] {
  const madeMs = Date.parse(predicate.madeAt);
  const problems: string[] = [];
  if (madeMs > nowMs + toleranceMs)
    problems.push(`it says it was made in the future, at ${predicate.madeAt}`);
  if (nowMs - madeMs > maxAgeMs) problems.push(`it was made at ${predicate.madeAt}, which is too long ago`);
  if (nowMs > Date.parse(predicate.expiresAt)) problems.push(`it expired at ${predicate.expiresAt}`);
  if (nonce !== undefined && nonce !== predicate.nonce)
    problems.push('it does not answer this nonce: it was made for another request');
  return problems;
}

function parseEnvelope(text: string): Envelope | undefined {
  try {
    const { success, data } = Envelope.safeParse(JSON.parse(text));
    return success ? data : undefined;
  } catch {
    return undefined;
  }
}
