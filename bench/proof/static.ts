import { openEmbedded, openOnServer } from '../../test/verify/proof/databases.ts';
import {
  canonicalOptions,
  canonicalSchema,
  mutationTarget,
} from '../../test/verify/proof/canonical-schema.ts';
import type { AdminDatabase } from '../../src/drivers/sql.ts';
import { mutationsOf, scoreMutations } from '../../src/verify/proof/mutations/score.ts';
import type { ProofOptions } from '../../src/verify/proof/options.ts';
import { wallContext } from '../../src/verify/proof/preset.ts';
import { prove } from '../../src/verify/proof/prove.ts';
import { measured, median, type BenchRow } from '../row.ts';

const area = 'proof';
const rounds = 15;
const manyTables = 2_000;

/** How long a proof of one database takes, small and large, and how much of what we break it notices. */
export async function benchStaticProof(): Promise<readonly BenchRow[]> {
  const url = process.env['BULKHEAD_TEST_POSTGRES_URL'];
  if (url === undefined) throw new Error('BULKHEAD_TEST_POSTGRES_URL is not set');
  await using server = await openOnServer(url);
  await using embedded = await openEmbedded();
  const options = canonicalOptions(server.prefix);
  for (const { db, prefix } of [server, embedded]) await db.script(await canonicalSchema(prefix));

  const small = await medianMs(server.db, options);
  const smallEmbedded = await medianMs(embedded.db, canonicalOptions(embedded.prefix));
  const score = await scoreMutations(server.db, {
    options,
    mutations: mutationsOf(mutationTarget(server.prefix)),
  });
  await addTables(server.db, { count: manyTables, role: `${server.prefix}_app` });
  const large = await medianMs(server.db, options);
  const parsed = await medianMs(server.db, { ...options, walls: { kind: 'handwritten' } });

  const how = `prove() from first to last byte, median of ${rounds} after 3 warm-ups; canonical tables with 2 policies, 3 keys and column grants each`;
  return [
    measured({ area, name: 'static proof, 7 tables', value: small, unit: 'ms', target: '<= 200', how }),
    measured({
      area,
      name: 'static proof, 7 tables, embedded',
      value: smallEmbedded,
      unit: 'ms',
      target: '<= 200',
      how,
    }),
    measured({ area, name: 'static proof, 2,000 tables', value: large, unit: 'ms', target: '<= 100', how }),
    measured({
      area,
      name: 'static proof, 2,000 tables, policies parsed',
      value: parsed,
      unit: 'ms',
      target: '<= 200',
      how: `${how}; walls judged by parsing instead of as one exact text`,
    }),
    measured({
      area,
      name: 'mutations caught by the condition that is for them',
      value: score.caught / score.planted,
      unit: 'of all planted',
      target: '>= 1',
      how: `${score.caught} of ${score.planted} schemas broken one way each; missed: ${score.missed.join('; ') || 'none'}`,
    }),
  ];
}

async function medianMs(db: AdminDatabase, options: ProofOptions): Promise<number> {
  const times: number[] = [];
  for (let round = -3; round < rounds; round++) {
    const startedMs = performance.now();
    const { verdict } = await prove(db, options);
    if (round >= 0) times.push(performance.now() - startedMs);
    if (verdict !== 'held') throw new Error(`the proof of a sound schema says ${verdict}`);
  }
  return median(times);
}

async function addTables(
  db: AdminDatabase,
  input: { readonly count: number; readonly role: string },
): Promise<void> {
  const own = `tenant_id = (select ${wallContext})`;
  const table = (number: number): string => {
    const name = `big.t${number}`;
    const parent = number === 0 ? '' : `, foreign key (tenant_id, parent) references big.t${number - 1}`;
    return `create table ${name} (tenant_id uuid not null, id uuid, parent uuid, body text, number integer, at timestamptz, primary key (tenant_id, id), unique (tenant_id, number)${parent});
      alter table ${name} enable row level security, force row level security;
      create policy bulkhead_open on ${name} using (true) with check (true);
      create policy bulkhead_wall on ${name} as restrictive using (${own}) with check (${own});
      grant select, insert, delete, update (id, parent, body, number, at) on ${name} to ${input.role};`;
  };
  await db.script(`create schema big; grant usage on schema big to ${input.role};`);
  for (let at = 0; at < input.count; at += 100)
    await db.script(Array.from({ length: 100 }, (_, i) => table(at + i)).join('\n'));
  await db.script('vacuum analyze');
}
