import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { VerificationResult } from '../verification.ts';
import type { EvidenceFacts } from './facts.ts';

export const payloadType = 'application/vnd.in-toto+json';
export const predicateType = 'https://bulkhead.invalid/isolation-evidence/v1';
const statementType = 'https://in-toto.io/Statement/v1';

const dayMs = 86_400_000;
/** After that somebody should look again. */
export const validDays = 30;

export interface Predicate {
  readonly format: 'bulkhead.evidence/1';
  readonly madeAt: string;
  readonly expiresAt: string;
  /** Given by whoever asked, so that no older evidence can stand in for this. */
  readonly nonce: string;
  readonly nature: string;
  readonly assumptions: readonly string[];
  /** SHA-256 over what was looked at: tenants, attacks, databases by the hash of their catalogues, versions. */
  readonly inputsSha256: string;
  readonly facts: EvidenceFacts;
  readonly verification: VerificationResult;
}

export interface Statement {
  readonly _type: string;
  readonly subject: readonly { readonly name: string; readonly digest: { readonly sha256: string } }[];
  readonly predicateType: string;
  readonly predicate: Predicate;
}

const nature =
  'Evidence of what was tried, proved and found on this system at this time. It is not a certification, an audit opinion or a promise about the future.';

/** An in-toto Statement v1, https://github.com/in-toto/attestation. */
export function toStatement(input: {
  readonly verification: VerificationResult;
  readonly facts: EvidenceFacts;
  readonly nonce: string;
  readonly nowMs: number;
}): Statement {
  const { verification, facts, nonce, nowMs } = input;
  const proofs = verification.proofs.flatMap(({ database, result }) =>
    result === undefined ? [] : [{ name: `database:${database}`, digest: { sha256: result.inputsSha256 } }],
  );
  return {
    _type: statementType,
    subject: [{ name: 'verification', digest: { sha256: sha256(verification) } }, ...proofs],
    predicateType,
    predicate: {
      format: 'bulkhead.evidence/1',
      madeAt: new Date(nowMs).toISOString(),
      expiresAt: new Date(nowMs + validDays * dayMs).toISOString(),
      nonce,
      nature,
      assumptions: [...new Set(verification.proofs.flatMap(({ result }) => result?.assumptions ?? []))],
      inputsSha256: sha256({
        tenants: verification.tenants,
        attacks: verification.attacks.map(({ id }) => id),
        databases: proofs,
        versions: verification.versions,
      }),
      facts,
      verification,
    },
  };
}

function sha256(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex');
}

/** As much of a statement as has to be there to be believed; the rest is the report's to show. */
const StatementShape = z.object({
  _type: z.literal(statementType),
  subject: z.array(z.object({ name: z.string(), digest: z.object({ sha256: z.string() }) })).min(1),
  predicateType: z.literal(predicateType),
  predicate: z.object({
    format: z.literal('bulkhead.evidence/1'),
    madeAt: z.iso.datetime(),
    expiresAt: z.iso.datetime(),
    nonce: z.string(),
    verification: z.object({ format: z.literal('bulkhead.verification/1'), verdict: z.string() }),
  }),
});

/** @returns undefined for what is no statement of ours, or one whose subject is not what it carries */
export function parseStatement(text: string): Statement | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!StatementShape.safeParse(value).success) return undefined;
  const statement = value as Statement;
  const named = statement.subject.find(({ name }) => name === 'verification');
  return named?.digest.sha256 === sha256(statement.predicate.verification) ? statement : undefined;
}
