import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseBaseline, toBaseline } from '../../../src/verify/proof/baseline.ts';
import { diff } from '../../../src/verify/proof/diff.ts';
import type { ProofOptions } from '../../../src/verify/proof/options.ts';
import { proveWithin } from '../../../src/verify/proof/prove.ts';
import { parseProofResult, toJson } from '../../../src/verify/proof/render/json.ts';
import { toSarif } from '../../../src/verify/proof/render/sarif.ts';
import { toDiffText, toText } from '../../../src/verify/proof/render/text.ts';
import type { ProofResult } from '../../../src/verify/proof/result.ts';
import { canonicalOptions, canonicalSchema } from './canonical-schema.ts';
import { openEmbedded, undone, type ScratchDatabase } from './databases.ts';

const nowMs = Date.parse('2026-12-01T10:00:00Z');
const clock = { nowMs: () => nowMs, monotonicMs: () => 0 };

let scratch: ScratchDatabase;
let held: ProofResult;
let broken: ProofResult;

const proveAfter = (sql: string, more: Partial<ProofOptions> = {}): Promise<ProofResult> =>
  undone(scratch.db, async (tx) => {
    await tx.script(sql);
    return proveWithin(tx, { ...canonicalOptions(scratch.prefix), clock, ...more });
  });

const breakTwice =
  'alter table shared.task no force row level security; grant truncate on shared.slot to public';

beforeAll(async () => {
  scratch = await openEmbedded();
  await scratch.db.script(await canonicalSchema(scratch.prefix));
  held = await proveAfter('select 1');
  broken = await proveAfter(breakTwice);
});
afterAll(() => scratch[Symbol.asyncDispose]());

test('the text says the verdict, the claim, what is assumed, and how to mend each finding', () => {
  expect(toText(held)).toMatch(/^HELD: proof_app on /);
  for (const assumption of held.assumptions) expect(toText(held)).toContain(assumption);
  for (const gap of held.notCovered) expect(toText(held)).toContain(gap);
  const text = toText(broken);
  expect(text).toMatch(/^BROKEN/);
  expect(text).toContain('The claim, which does not stand');
  expect(text).toContain('ALTER TABLE shared.task FORCE ROW LEVEL SECURITY;');
  expect(text).toContain('REVOKE TRUNCATE ON shared.slot FROM PUBLIC;');
});

test('what mends each finding makes the proof hold', async () => {
  expect(broken.findings).toHaveLength(2);
  const mended = await proveAfter(`${breakTwice}; ${broken.findings.map(({ mend }) => mend).join(' ')}`);
  expect(mended.verdict).toBe('held');
});

test('a result survives being written and read', () => {
  expect(parseProofResult(toJson(broken))).toEqual(broken);
  for (const text of ['', '[]', '{}', '{"format":"bulkhead.proof/2"}', toJson(broken).slice(1)])
    expect(() => parseProofResult(text)).toThrow(expect.objectContaining({ code: 'value_invalid' }));
});

test('a baseline accepts findings until the day it says, and no others', async () => {
  const baseline = toBaseline(broken, { reason: 'being moved', expires: '2026-12-01' });
  expect(parseBaseline(JSON.stringify(baseline))).toEqual(baseline);
  const accepted = await proveAfter(breakTwice, { baseline });
  expect(accepted).toMatchObject({ verdict: 'held', findings: [], accepted: [{}, {}], staleBaseline: [] });
  expect(toText(accepted)).toContain('until 2026-12-01: being moved');

  const tomorrow = { nowMs: () => nowMs + 86_400_000, monotonicMs: () => 0 };
  const expired = await proveAfter(breakTwice, { baseline, clock: tomorrow });
  expect(expired.verdict).toBe('broken');
  expect(expired.staleBaseline).toHaveLength(2);

  const other = await proveAfter('alter table shared.slot no force row level security', { baseline });
  expect(other.verdict).toBe('broken');
  expect(other.staleBaseline.join()).toContain('matches nothing any more');
});

test.each([
  ['no JSON', 'x'],
  ['no list', '{}'],
  ['no reason', '{"accepted":[{"fingerprint":"a","condition":"S05","object":"t","expires":"2027-01-01"}]}'],
  [
    'a blank reason',
    '{"accepted":[{"fingerprint":"a","condition":"S05","object":"t","reason":" ","expires":"2027-01-01"}]}',
  ],
  ['no end', '{"accepted":[{"fingerprint":"a","condition":"S05","object":"t","reason":"r"}]}'],
  [
    'an end that is no date',
    '{"accepted":[{"fingerprint":"a","condition":"S05","object":"t","reason":"r","expires":"2027-13-01"}]}',
  ],
])('a baseline with %s is refused', (_what, text) => {
  expect(() => parseBaseline(text)).toThrow(expect.objectContaining({ code: 'value_invalid' }));
});

test('a difference names what appeared, what is gone and what changed', async () => {
  const later = await proveAfter(
    'alter table shared.task no force row level security; create table shared.x (); grant select on shared.x to public',
  );
  const changed = diff(broken, later);
  expect(changed.appeared.map(({ condition, object }) => [condition, object])).toEqual([['S04', 'shared.x']]);
  expect(changed.gone.map(({ condition }) => condition)).toEqual(['S13']);
  expect(changed.stayed).toBe(1);
  expect(changed.conditions).toEqual([
    { name: 'S04', before: 'held', after: 'broken' },
    { name: 'S13', before: 'broken', after: 'held' },
  ]);
  expect(changed.looked).toContainEqual({ name: 'relations', before: '12', after: '13' });
  expect(toDiffText(changed)).toContain('1 findings appeared, 1 are gone, 1 stayed');
  expect(diff(held, held)).toMatchObject({
    appeared: [],
    gone: [],
    conditions: [],
    versions: [],
    looked: [],
  });
});

test('SARIF lists every condition as a rule and every finding as a result, accepted ones suppressed', async () => {
  const baseline = toBaseline(
    { ...broken, findings: broken.findings.slice(0, 1) },
    { reason: 'r', expires: '2027-01-01' },
  );
  const half = await proveAfter(breakTwice, { baseline });
  const log = JSON.parse(toSarif(half)) as SarifLog;
  expect(log.version).toBe('2.1.0');
  const [run] = log.runs;
  expect(run.tool.driver.rules).toHaveLength(28);
  expect(run.results).toHaveLength(2);
  for (const result of run.results) {
    expect(run.tool.driver.rules[result.ruleIndex]?.id).toBe(result.ruleId);
    expect(['error', 'warning', 'note']).toContain(result.level);
    expect(result.locations[0].physicalLocation.artifactLocation.uri).toMatch(/^postgres\/[^ "]+$/);
    expect(Object.values(result.partialFingerprints)).toHaveLength(1);
  }
  expect(run.results.filter(({ suppressions }) => suppressions !== undefined)).toHaveLength(1);
});

interface SarifLog {
  readonly version: string;
  readonly runs: readonly [
    {
      readonly tool: { readonly driver: { readonly rules: readonly { readonly id: string }[] } };
      readonly results: readonly {
        readonly ruleId: string;
        readonly ruleIndex: number;
        readonly level: string;
        readonly locations: readonly [
          { readonly physicalLocation: { readonly artifactLocation: { readonly uri: string } } },
        ];
        readonly partialFingerprints: Readonly<Record<string, string>>;
        readonly suppressions?: readonly object[];
      }[];
    },
  ];
}
