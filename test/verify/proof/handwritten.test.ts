import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ProofOptions } from '../../../src/verify/proof/options.ts';
import { proveWithin } from '../../../src/verify/proof/prove.ts';
import type { ProofResult } from '../../../src/verify/proof/result.ts';
import { describeWith } from '../../support/services.ts';
import { openEmbedded, openOnServer, undone, type ScratchDatabase } from './databases.ts';
import { leakingSchemas, soundSchemas, type HandwrittenSchema } from './handwritten-schemas.ts';

describe('embedded', () => understandsSchemas(openEmbedded));
describeWith('postgres', 'on a server', (url) => understandsSchemas(() => openOnServer(url)));

function understandsSchemas(open: () => Promise<ScratchDatabase>): void {
  let scratch: ScratchDatabase;
  const fill = (sql: string): string =>
    sql.replaceAll('{{app}}', `${scratch.prefix}_app`).replaceAll('{{owner}}', `${scratch.prefix}_owner`);

  beforeAll(async () => {
    scratch = await open();
    await scratch.db.script(
      fill(`create role {{app}} login; create role {{owner}} nologin;
        grant usage on schema public to {{app}}, {{owner}}; revoke create on schema public from public;
        do $$ begin execute format('revoke all on database %I from public', current_database()); end $$;`),
    );
  });
  afterAll(() => scratch[Symbol.asyncDispose]());

  const proveSchema = (
    { sql, options }: HandwrittenSchema,
    more?: Partial<ProofOptions>,
  ): Promise<ProofResult> =>
    undone(scratch.db, async (tx) => {
      await tx.script(fill(sql));
      return proveWithin(tx, {
        role: fill('{{app}}'),
        tenantColumn: 'tenant_id',
        walls: { kind: 'handwritten' },
        ...options,
        ...more,
      });
    });

  test.each(soundSchemas)('sound: $name', async (schema) => {
    const result = await proveSchema(schema);
    expect(result.findings).toEqual([]);
    expect(result).toMatchObject({ verdict: 'held', doubts: [] });
    expect(result.looked.tenantTables).toBeGreaterThan(0);
  });

  test.each(leakingSchemas)('leaking: $name', async (schema) => {
    const result = await proveSchema(schema);
    const errors = result.findings.filter(({ severity }) => severity === 'error');
    expect(errors.map(({ condition }) => condition)).toContain(schema.expect);
    expect(result.verdict).toBe('broken');
    expect(errors.every(({ reason, mend, object }) => reason !== '' && mend !== '' && object !== '')).toBe(
      true,
    );
  });

  test('what mends a leaking policy makes the proof hold', async () => {
    const broken = leakingSchemas.filter(({ expect: condition }) => condition === 'S06');
    expect(broken.length).toBeGreaterThan(5);
    for (const schema of broken) {
      const { findings } = await proveSchema(schema);
      const mends = new Set(findings.filter(({ condition }) => condition === 'S06').map(({ mend }) => mend));
      const mended = await proveSchema({ ...schema, sql: `${schema.sql} ${[...mends].join(' ')}` });
      expect(
        mended.findings.filter(({ severity }) => severity === 'error'),
        schema.name,
      ).toEqual([]);
    }
  });

  test('policies that disagree about the context prove nothing until it is named', async () => {
    const sql = `create table public.a (tenant_id uuid not null, id uuid not null, primary key (tenant_id, id));
      create table public.b (like public.a including all); grant select on public.a, public.b to {{app}};
      alter table public.a enable row level security, force row level security; alter table public.b enable row level security, force row level security;
      create policy p on public.a using (tenant_id = current_setting('app.one')::uuid);
      create policy p on public.b using (tenant_id = current_setting('app.two')::uuid);`;
    const unnamed = await proveSchema({ name: '', sql });
    expect(unnamed.verdict).toBe('inconclusive');
    expect(unnamed.doubts.join()).toContain("current_setting('app.one')");
    const named = await proveSchema({ name: '', sql }, { context: `current_setting('app.one')::uuid` });
    expect(named.findings.map(({ condition, object }) => [condition, object])).toEqual([['S06', 'public.b']]);
  });

  test('only tables of the schemas asked for are judged, and the rest is said not to be covered', async () => {
    const sql = `create schema other; grant usage on schema other to {{app}};
      create table other.leak (tenant_id uuid not null); grant select on other.leak to {{app}};`;
    const sound = soundSchemas[0];
    if (sound === undefined) throw new Error('no schema');
    const all = await proveSchema({ ...sound, sql: `${sound.sql} ${sql}` });
    expect(all.verdict).toBe('broken');
    const some = await proveSchema({ ...sound, sql: `${sound.sql} ${sql}` }, { schemas: ['public'] });
    expect(some.verdict).toBe('held');
    expect(some.claim).toContain('of the schemas public');
    expect(some.notCovered.join()).toContain('other.leak');
  });
}
