import type { Bulkhead } from '../bulkhead.ts';
import type { NeighbourQuestion } from './corpus.ts';
import type { SearchResult, WrongWay } from './report.ts';
import type { DemoTenant } from './tenants.ts';
import { bestMatches, type Toy } from './toy.ts';

/** Words of a question, as a search takes them. */
export function wordsOf(question: string): readonly string[] {
  return [...new Set(question.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [])];
}

interface Match extends Record<string, unknown> {
  readonly external_id: string;
  readonly content: string;
}

/** The search of a simple product, without any thought of tenants: the scope is all there is. */
export async function searchDocuments(node: Bulkhead, question: string): Promise<readonly Match[]> {
  const any = wordsOf(question).join(' or ');
  return await node.rows.current().sql<Match>`
    select external_id, content
      from documents, websearch_to_tsquery('english', ${any}) as asked
     where to_tsvector('english', content) @@ asked
     order by ts_rank(to_tsvector('english', content), asked) desc
     limit ${bestMatches}`;
}

export interface SearchInput {
  readonly node: Bulkhead;
  readonly tenants: ReadonlyMap<string, DemoTenant>;
  readonly toy: Toy;
}

/** Every question three times: by the tenant it is about, by its neighbour on the toy, and by its neighbour on Bulkhead. */
export async function askEverything(
  { node, tenants, toy }: SearchInput,
  questions: readonly NeighbourQuestion[],
  asked: () => void,
): Promise<{ ownerAsks: SearchResult; neighbourAsksToy: SearchResult; neighbourAsksBulkhead: SearchResult }> {
  let [owner, neighbourOnToy, neighbour] = [0, 0, 0];
  const ask = (name: string, question: string): Promise<readonly Match[]> =>
    node.run(tenants.get(name)?.tenant.id ?? name, () => searchDocuments(node, question));
  for (const each of questions) {
    const own = await ask(each.owner, each.question);
    if (own.some(({ external_id }) => external_id === each.paragraph)) owner += 1;
    if (toy.search(wordsOf(each.question), 'forgotten').includes(each.paragraph)) neighbourOnToy += 1;
    const foreign = await ask(each.asker, each.question);
    if (foreign.some((match) => isLeak(match, each))) neighbour += 1;
    asked();
  }
  const of = (found: number): SearchResult => ({ asked: questions.length, found });
  return { ownerAsks: of(owner), neighbourAsksToy: of(neighbourOnToy), neighbourAsksBulkhead: of(neighbour) };
}

/** The neighbour's paragraph itself, or its answer under another name. */
function isLeak(match: Match, question: NeighbourQuestion): boolean {
  return (
    match.external_id === question.paragraph ||
    question.answers.some((answer) => match.content.includes(answer))
  );
}

/** One query, with its filter, without it, and where there is nothing to forget. */
export async function compareLists(
  { node, toy }: SearchInput,
  { name, tenant }: DemoTenant,
): Promise<WrongWay> {
  const owners = await node.run(
    tenant.id,
    () => node.rows.current().sql<{ tenant_id: string }>`select tenant_id from documents`,
  );
  return {
    withFilter: count(toy.list({ tenant: name })),
    filterForgotten: count(toy.list('forgotten')),
    bulkhead: count(owners.map((row) => row.tenant_id)),
  };
}

function count(owners: readonly string[]): { rows: number; tenants: number } {
  return { rows: owners.length, tenants: new Set(owners).size };
}
