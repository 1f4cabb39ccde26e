import type { AdminDatabase } from '../../drivers/sql.ts';
import type { TenantSide } from '../rows/as-tenant.ts';

/** Up to here a search looks at every passage that has one of its words, and counts for itself. */
const countedPassages = 1_000;
const sampledPassages = 2_000;
/** Words that are rarer are taken to be in one passage, which is what a search assumes of a word that is not listed. */
const leastSampled = 2;

/**
 * How often the words of a large tenant are, from a sample of its passages; of a small one nothing is kept. A search of a
 * large tenant needs it to tell rare words, which find, from common ones, which only rank.
 */
export async function sampleWords(admin: AdminDatabase, side: TenantSide): Promise<void> {
  const of = [side.tenant, side.schema];
  await admin.transaction(async (tx) => {
    const { rows } = await tx.query<{ passages: number; mean: number }>(
      `select count(*)::int as passages, coalesce(avg(length), 1)::float8 as mean
        from bulkhead_lexical.entry where tenant_id = $1 and schema_name = $2`,
      of,
    );
    const { passages = 0, mean = 1 } = rows[0] ?? {};
    await tx.query('delete from bulkhead_lexical.word where tenant_id = $1 and schema_name = $2', of);
    await tx.query('delete from bulkhead_lexical.corpus where tenant_id = $1 and schema_name = $2', of);
    if (passages <= countedPassages) return;
    const share = Math.min(1, sampledPassages / passages);
    await tx.query(
      `insert into bulkhead_lexical.word (tenant_id, schema_name, lexeme, passages)
        select $1::uuid, $2, u.lexeme, count(*) / $3::float8
        from (select terms from bulkhead_lexical.entry where tenant_id = $1::uuid and schema_name = $2 order by passage limit ${sampledPassages}) s
        cross join unnest(s.terms) u
        group by u.lexeme having count(*) >= ${leastSampled}`,
      [...of, share],
    );
    await tx.query(
      `insert into bulkhead_lexical.corpus (tenant_id, schema_name, passages, mean_length) values ($1, $2, $3, $4)`,
      [...of, passages, mean],
    );
  });
}
