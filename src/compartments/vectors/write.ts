import { BulkheadError } from '../../core/errors.ts';
import type { ScopedAccess } from '../rows/handle.ts';
import { assertPassages, invalid, toVectorText } from './values.ts';
import type { Passage, Space } from './vectors.ts';

/** Bytes of vectors and text that travel in one statement; larger batches go in several. */
const chunkItems = 500;

/**
 * Passages and their vectors in one statement, so all of a statement or none. The passage of a place is replaced.
 * What was embedded before is forgotten where no vector comes with the new text.
 */
const upsertText = `
with input as materialized (
  select * from unnest($3::text[], $4::int[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[])
    as i (document, ordinal, title, body, language, metadata, content_hash, vector)
),
written as (
  insert into passage (tenant_id, document, ordinal, title, body, language, metadata, content_hash)
    select $1::uuid, document, ordinal, title, body, language::regconfig, metadata::jsonb, content_hash from input
  on conflict (tenant_id, document, ordinal) do update set title = excluded.title, body = excluded.body,
    language = excluded.language, metadata = excluded.metadata, content_hash = excluded.content_hash, updated_at = now()
  returning id, document, ordinal
),
placed as (
  select w.id, i.vector from written w join input i using (document, ordinal)
),
outdated as (
  delete from embedding e using placed p
    where e.tenant_id = $1::uuid and e.passage = p.id and (p.vector is null or e.space <> $2::uuid) and $11::boolean
),
embedded as (
  insert into embedding (tenant_id, space, passage, vector)
    select $1::uuid, $2::uuid, id, vector::vector from placed where vector is not null
  on conflict (tenant_id, space, passage) do update set vector = excluded.vector
)
select count(*)::int as upserted from written`;

/** @throws value_invalid naming the item · conflict where vectors come and there is no space for them */
export async function upsertPassages(
  access: ScopedAccess,
  passages: readonly Passage[],
  into: Space | undefined,
): Promise<number> {
  const { tenantId } = access.scope;
  assertPassages(passages, tenantId);
  if (into === undefined && passages.some(({ vector }) => vector !== undefined))
    throw new BulkheadError('conflict', {
      field: 'vector',
      reason: 'no embedding space serves the tenant yet',
      hint: 'call ensureSpace with model, dimension and metric first',
    });
  // All of them are read before the first is written.
  const vectors = passages.map(({ vector }, index) =>
    vector === undefined || into === undefined
      ? null
      : toVectorText(vector, { ...into, field: `passages[${index}].vector` }),
  );
  let upserted = 0;
  for (let start = 0; start < passages.length; start += chunkItems) {
    const part = passages.slice(start, start + chunkItems);
    upserted += await upsertPart(access, { part, vectors: vectors.slice(start, start + chunkItems), into });
  }
  return upserted;
}

async function upsertPart(
  access: ScopedAccess,
  {
    part,
    vectors,
    into,
  }: { part: readonly Passage[]; vectors: readonly (string | null)[]; into: Space | undefined },
): Promise<number> {
  const values = [
    access.scope.tenantId,
    into?.id ?? null,
    part.map(({ document }) => document),
    part.map(({ ordinal }) => ordinal ?? 0),
    part.map(({ title }) => title ?? ''),
    part.map(({ body }) => body ?? ''),
    part.map(({ language }) => language ?? 'simple'),
    part.map(({ metadata }) => JSON.stringify(metadata ?? {})),
    part.map(({ contentHash }) => contentHash ?? ''),
    vectors,
    // A space that is being built is filled beside the one that serves, whose vectors stay.
    into === undefined || into.state === 'serving',
  ];
  const { rows } = await access.run<{ upserted: number }>({ text: upsertText, values }, { lane: 'alone' });
  return rows[0]?.upserted ?? 0;
}

/** @param from first ordinal that goes; 0 = the whole document */
export async function removePassages(
  access: ScopedAccess,
  document: string,
  which: number | readonly number[],
): Promise<number> {
  const ordinals = typeof which === 'number' ? [which] : which;
  if (!ordinals.every((ordinal) => Number.isInteger(ordinal) && ordinal >= 0))
    throw invalid('which', 'whole numbers from 0 on');
  const condition = typeof which === 'number' ? 'ordinal >= $3' : 'ordinal = any($3::int[])';
  const { rowCount } = await access.run(
    {
      text: `delete from passage where tenant_id = $1 and document = $2 and ${condition}`,
      values: [access.scope.tenantId, document, typeof which === 'number' ? which : ordinals],
    },
    { lane: 'alone' },
  );
  return rowCount;
}
