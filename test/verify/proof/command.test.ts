import { afterAll, beforeAll, expect, test } from 'vitest';
import { BulkheadError } from '../../../src/core/errors.ts';
import type { AdminDatabase } from '../../../src/drivers/sql.ts';
import { runProve, type ProveArguments, type ProveWorld } from '../../../src/verify/proof/command.ts';
import type { ProofResult } from '../../../src/verify/proof/result.ts';
import { canonicalSchema } from './canonical-schema.ts';
import { openEmbedded, type ScratchDatabase } from './databases.ts';
import { soundSchemas } from './handwritten-schemas.ts';

let scratch: ScratchDatabase;
beforeAll(async () => {
  scratch = await openEmbedded();
  await scratch.db.script(await canonicalSchema(scratch.prefix));
});
afterAll(() => scratch[Symbol.asyncDispose]());

const args: ProveArguments = {
  url: 'postgres://somewhere/',
  role: 'proof_app',
  tenantColumn: 'tenant_id',
  globalTables: ['shared.plan'],
  output: 'json',
};

async function run(
  given: Partial<ProveArguments>,
  files: Readonly<Record<string, string>> = {},
  db: AdminDatabase = scratch.db,
): Promise<{
  readonly code: number;
  readonly printed: string;
  readonly written: Readonly<Record<string, string>>;
}> {
  const printed: string[] = [];
  const written: Record<string, string> = {};
  const world: ProveWorld = {
    connect: () => ({ ...db, close: async () => {} }),
    readFile: async (path) => files[path] ?? '',
    writeFile: async (path, text) => {
      written[path] = text;
    },
    print: (text) => printed.push(text),
  };
  const code = await runProve({ ...args, ...given }, world);
  return { code, printed: printed.join(''), written };
}

test('a database of ours is recognised and held: exit code 0', async () => {
  const { code, printed } = await run({});
  expect(code).toBe(0);
  expect(JSON.parse(printed)).toMatchObject({ verdict: 'held', subject: { walls: 'canonical' } });
});

test('a leak is exit code 1, in words, in SARIF and against an earlier result', async () => {
  const before = await run({});
  await scratch.db.script('create table shared.leak (); grant select on shared.leak to public');
  try {
    const { code, printed, written } = await run(
      { output: 'text', sarifFile: 'out.sarif', diffFile: 'before.json' },
      { 'before.json': before.printed },
    );
    expect(code).toBe(1);
    expect(printed).toContain('S04 error: shared.leak');
    expect(printed).toContain('1 findings appeared, 0 are gone, 0 stayed');
    expect(written['out.sarif']).toContain('"ruleId": "S04"');

    const json = JSON.parse(
      (await run({ diffFile: 'before.json' }, { 'before.json': before.printed })).printed,
    ) as ProofResult & {
      readonly diff: { readonly appeared: readonly object[] };
    };
    expect(json.diff.appeared).toHaveLength(1);
    const [finding] = json.findings;
    const baseline = JSON.stringify({
      accepted: [{ ...finding, reason: 'on its way out', expires: '2999-01-01' }],
    });
    expect((await run({ baselineFile: 'baseline.json' }, { 'baseline.json': baseline })).code).toBe(0);
  } finally {
    await scratch.db.script('drop table shared.leak');
  }
});

test('nothing to look at is exit code 2', async () => {
  expect((await run({ role: 'nobody' })).code).toBe(2);
});

const refuse = (): Promise<never> => Promise.reject(new BulkheadError('compartment_unreachable'));

test('a database that does not answer is exit code 2', async () => {
  const { code, printed } = await run({}, {}, { ...scratch.db, query: refuse, transaction: refuse });
  expect(code).toBe(2);
  expect(JSON.parse(printed)).toMatchObject({ verdict: 'inconclusive' });
});

test('a baseline that cannot be used is a usage error', async () => {
  await expect(run({ baselineFile: 'x' })).rejects.toMatchObject({ code: 'value_invalid' });
  await expect(run({ diffFile: 'x' })).rejects.toMatchObject({ code: 'value_invalid' });
});

test('a database of somebody else is proved without being told the context', async () => {
  await using other = await openEmbedded();
  const sql = soundSchemas.find(({ options }) => options === undefined)?.sql ?? '';
  await other.db.script(
    `create role app; create role owner; grant usage on schema public to app; revoke all on database postgres from public;
     ${sql.replaceAll('{{app}}', 'app').replaceAll('{{owner}}', 'owner')}`,
  );
  const { code, printed } = await run({ role: 'app', globalTables: [] }, {}, other.db);
  expect(JSON.parse(printed)).toMatchObject({
    verdict: 'held',
    subject: { walls: 'handwritten', contextFrom: 'policies', context: `current_setting('app.tenant_id')` },
  });
  expect(code).toBe(0);
});
