import type { Bulkhead } from '../bulkhead.ts';
import type { NeighbourQuestion } from './corpus.ts';
import type { Scope } from '../core/scope.ts';
import type { OwnerResult, SearchResult, WrongWay } from './report.ts';
import type { DemoTenant } from './tenants.ts';
import { bestMatches, type Toy } from './toy.ts';

/** Words of a question, as a search takes them. */
export function wordsOf(question: string): readonly string[] {
  return [...new Set(question.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [])];
}

interface Match {
  readonly document: string;
  readonly body: string;
}

/** By words and by nearness, without any thought of tenants: the scope is all there is. */
async function searchDocuments(node: Bulkhead, scope: Scope, query: string): Promise<readonly Match[]> {
  return (await node.knowledge.search(scope, { query, limit: bestMatches })).results;
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
): Promise<{ ownerAsks: OwnerResult; neighbourAsksToy: SearchResult; neighbourAsksBulkhead: SearchResult }> {
  let [owner, first, neighbourOnToy, neighbour] = [0, 0, 0, 0];
  const ask = (name: string, question: string): Promise<readonly Match[]> =>
    node.run(tenants.get(name)?.tenant.id ?? name, (scope) => searchDocuments(node, scope, question));
  for (const each of questions) {
    const own = await ask(each.owner, each.question);
    if (own.some(({ document }) => document === each.paragraph)) owner += 1;
    if (own[0]?.document === each.paragraph) first += 1;
    if (toy.search(wordsOf(each.question), 'forgotten').includes(each.paragraph)) neighbourOnToy += 1;
    const foreign = await ask(each.asker, each.question);
    if (foreign.some((match) => isLeak(match, each))) neighbour += 1;
    asked();
  }
  const of = (found: number): SearchResult => ({ asked: questions.length, found });
  return {
    ownerAsks: { ...of(owner), first },
    neighbourAsksToy: of(neighbourOnToy),
    neighbourAsksBulkhead: of(neighbour),
  };
}

/** The neighbour's paragraph itself, or its answer under another name. */
function isLeak(match: Match, question: NeighbourQuestion): boolean {
  return (
    match.document === question.paragraph || question.answers.some((answer) => match.body.includes(answer))
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
