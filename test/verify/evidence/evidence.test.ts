import { generateKeyPairSync } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkEvidence } from '../../../src/verify/evidence/check.ts';
import { Envelope, openEnvelope, sealEnvelope } from '../../../src/verify/evidence/envelope.ts';
import {
  newEvidenceKey,
  parsePrivateKey,
  parsePublicKey,
  toPublicPem,
} from '../../../src/verify/evidence/key.ts';
import { toHtmlReport } from '../../../src/verify/evidence/report/report.ts';
import { parseStatement, payloadType, type Statement } from '../../../src/verify/evidence/statement.ts';

const examples = join(import.meta.dirname, '../../../docs/examples');
const text = await readFile(join(examples, 'evidence.json'), 'utf8');
const publicKey = await readFile(join(examples, 'evidence-key.pub'), 'utf8');
const envelope = Envelope.parse(JSON.parse(text));
const payload = openEnvelope(envelope, parsePublicKey(publicKey)) ?? '';
const statement = parseStatement(payload);
const madeMs = Date.parse(statement?.predicate.madeAt ?? '');
const dayMs = 86_400_000;
const fresh = { publicKey, nowMs: madeMs + dayMs, maxAgeMs: 7 * dayMs };

describe('the example, which a run has made', () => {
  test('is genuine, an in-toto statement in a DSSE envelope, and says that everything held', () => {
    const found = checkEvidence(text, { ...fresh, nonce: 'example-2026-11' });
    expect(found).toMatchObject({ state: 'genuine', verdict: 'held', problems: [] });
    expect(envelope.payloadType).toBe('application/vnd.in-toto+json');
    expect(statement?._type).toBe('https://in-toto.io/Statement/v1');
    expect(statement?.subject.length).toBeGreaterThan(1);
  });

  test('covers the four isolations, every control, the mutation score, and what was not covered', () => {
    const { verification } = (statement as Statement).predicate;
    expect(new Set(verification.tenants.map(({ isolation }) => isolation)).size).toBe(4);
    expect(verification.controls.every(({ found }) => found)).toBe(true);
    const { code, schemas } = verification.mutations;
    expect(code?.planted).toBeGreaterThanOrEqual(20);
    expect([code?.missed, schemas?.missed]).toEqual([[], []]);
    expect(schemas?.planted).toBeGreaterThanOrEqual(40);
    expect(verification.notCovered.length).toBeGreaterThan(0);
    expect(verification.proofs.every(({ result }) => result?.verdict === 'held')).toBe(true);
  });

  test('holds no canary, no key and no row', () => {
    expect(payload).not.toMatch(/canary-[0-9a-f]{32}/);
    expect(payload).not.toMatch(/bh_[0-9a-z]{16}_[0-9A-Za-z_-]{43}|bho_[0-9A-Za-z_-]{20,}/);
    expect(payload).not.toMatch(/PRIVATE KEY/);
  });

  test('its report answers five questions, needs nothing from elsewhere, and calls itself evidence', async () => {
    const check = checkEvidence(text, fresh);
    const report = toHtmlReport({ ...check, statement: statement as Statement });
    expect(await readFile(join(examples, 'evidence.html'), 'utf8')).toContain('Evidence of tenant isolation');
    for (const question of [
      'kept apart',
      'Who accessed our data',
      'engineers see our data',
      'how far does it reach',
      'auditor',
    ])
      expect(report).toContain(question);
    expect(report.match(/<h2>\d\. /g)).toHaveLength(5);
    expect(report).toContain('not a certification');
    expect(report.replaceAll('not a certification', '')).not.toMatch(/certif/i);
    expect(report).not.toMatch(/(?:src|href)="https?:|@import|url\(/);
  });
});

describe('evidence that cannot be believed', () => {
  const altered = (change: (statement: { predicate: { nonce: string } }) => void): string => {
    const copy = JSON.parse(payload) as { predicate: { nonce: string } };
    change(copy);
    return JSON.stringify({ ...envelope, payload: Buffer.from(JSON.stringify(copy)).toString('base64') });
  };

  test.each([
    ['an altered payload', altered((copy) => (copy.predicate.nonce = 'other'))],
    ['another payload type', JSON.stringify({ ...envelope, payloadType: 'application/json' })],
    [
      'an altered signature',
      JSON.stringify({
        ...envelope,
        signatures: [{ keyid: '', sig: Buffer.alloc(64, 1).toString('base64') }],
      }),
    ],
    ['no signature', JSON.stringify({ ...envelope, signatures: [] })],
    ['a text that is no JSON', text.slice(0, 200)],
    ['an empty file', ''],
    ['a list', '[]'],
  ])('%s is forged', (_, forged) => {
    expect(checkEvidence(forged, fresh)).toMatchObject({
      state: 'forged',
      statement: undefined,
      verdict: undefined,
    });
  });

  test('another key’s is forged, and a signed statement that does not fit its subject too', () => {
    const other = newEvidenceKey();
    expect(checkEvidence(text, { ...fresh, publicKey: toPublicPem(parsePrivateKey(other)) }).state).toBe(
      'forged',
    );
    const copy = JSON.parse(payload) as Statement & {
      predicate: { verification: { verdict: string; executed: number } };
    };
    copy.predicate.verification.executed += 1;
    const resealed = sealEnvelope(payloadType, JSON.stringify(copy), parsePrivateKey(other));
    const found = checkEvidence(JSON.stringify(resealed), {
      ...fresh,
      publicKey: toPublicPem(parsePrivateKey(other)),
    });
    expect(found).toMatchObject({
      state: 'forged',
      problems: [expect.stringContaining('does not fit its subject')],
    });
  });

  test('old evidence is not new: by its age, by its expiry, by its nonce, or from the future', () => {
    const cases = [
      [{ nowMs: madeMs + 8 * dayMs }, 'too long ago'],
      [{ nowMs: madeMs + 31 * dayMs, maxAgeMs: 1_000 * dayMs }, 'expired'],
      [{ nonce: 'another' }, 'nonce'],
      [{ nowMs: madeMs - dayMs }, 'future'],
    ] as const;
    for (const [changes, problem] of cases) {
      const found = checkEvidence(text, { ...fresh, ...changes });
      expect(found.state).toBe('stale');
      expect(found.problems.join()).toContain(problem);
    }
  });

  test('a key that is no Ed25519 key is refused, and what it holds is not repeated', () => {
    const { publicKey: rsa } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    for (const pem of ['nonsense', rsa.export({ type: 'spki', format: 'pem' }).toString()])
      expect(() => checkEvidence(text, { ...fresh, publicKey: pem })).toThrow('no Ed25519 key');
  });

  test('nothing in a report is markup but what the report itself writes', () => {
    const copy = structuredClone(statement as Statement) as Statement & { predicate: { nonce: string } };
    (copy.predicate as { nonce: string }).nonce = '<script>alert(1)</script>';
    const report = toHtmlReport({ ...checkEvidence(text, fresh), statement: copy });
    expect(report).not.toContain('<script>');
    expect(report).toContain('&lt;script&gt;');
  });
});
