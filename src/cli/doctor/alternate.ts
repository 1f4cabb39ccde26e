import type { Bulkhead } from '../../bulkhead.ts';
import type { Tenant } from '../../core/tenant.ts';
import type { RowsHandle } from '../../compartments/rows/rows.ts';

/** What two tenants saw of each other on one connection. */
export interface Alternation {
  readonly turns: number;
  /** Turns that came right after the other tenant's on the same server process: where things would carry over. */
  readonly handOvers: number;
  /** What carried over, in words; empty is good. */
  readonly mistakes: readonly string[];
}

interface Turn extends Record<string, unknown> {
  readonly pid: number;
  readonly role: string;
  readonly path: string;
  readonly own: number;
  readonly foreign: number;
  readonly mark: string | null;
}

const documentsEach = 3;
const rounds = 100;
const cancellations = 5;
const atOnce = 50;

/** A tenant with what its every turn must look like. */
interface Visitor {
  readonly tenant: Tenant;
  readonly seen: { role?: string; path?: string };
}

/**
 * Sends two tenants through the node's pool, between failures, roll-backs and cancellations of the other, because that
 * is when things are left lying about: in turn, and at last all at once. The node must have a pool of one.
 */
export async function alternate(
  node: Bulkhead,
  tenants: readonly [Tenant, Tenant],
  tick: () => void,
): Promise<Alternation> {
  const [a, b] = tenants.map((tenant): Visitor => ({ tenant, seen: {} }));
  if (a === undefined || b === undefined) throw new TypeError('two tenants alternate');
  const mistakes: string[] = [];
  let last: { readonly pid: number; readonly of: Visitor } | undefined;
  let [turns, handOvers] = [0, 0];
  const visit = async (visitor: Visitor): Promise<void> => {
    const turn = await takeTurn(node, visitor.tenant);
    turns += 1;
    if (last !== undefined && last.of !== visitor && last.pid === turn.pid) handOvers += 1;
    last = { pid: turn.pid, of: visitor };
    mistakes.push(...judge(visitor, turn));
  };
  for (const visitor of [a, b]) await storeDocuments(node, visitor.tenant);
  for (let round = 0; round < rounds; round++) {
    await visit(a);
    await disturb(node, a.tenant, round);
    await visit(b);
    await disturb(node, b.tenant, round + 1);
    tick();
  }
  // A cancelled connection is thrown away, so these come after the rounds that have to share one.
  for (const { tenant } of Array.from({ length: cancellations }, () => [a, b]).flat()) {
    await cancelOne(node, tenant.id);
    await Promise.all([visit(a), visit(b)]);
  }
  await Promise.all(Array.from({ length: atOnce }, (_, index) => visit(index % 2 === 0 ? a : b)));
  return { turns, handOvers, mistakes: [...new Set(mistakes)] };
}

export const alternationRounds = rounds;

async function storeDocuments(node: Bulkhead, tenant: Tenant): Promise<void> {
  await node.run(tenant.id, async () => {
    const documents = node.rows.current().table('documents');
    for (let index = 0; index < documentsEach; index++)
      await documents.create({ title: tenant.slug, content: 'doctor' });
  });
}

async function takeTurn(node: Bulkhead, { id, slug }: Tenant): Promise<Turn> {
  const [turn] = await node.run(
    id,
    () => node.rows.current().sql<Turn>`
      select pg_backend_pid() as pid, current_user::text as role, current_setting('search_path') as path,
             count(*) filter (where title = ${slug})::int as own, count(*) filter (where title <> ${slug})::int as foreign,
             current_setting('doctor.mark', true) as mark
        from documents`,
  );
  if (turn === undefined) throw new Error('a count came back empty');
  return turn;
}

function judge({ tenant, seen }: Visitor, turn: Turn): readonly string[] {
  seen.role ??= turn.role;
  seen.path ??= turn.path;
  return [
    turn.own === documentsEach
      ? ''
      : `a ${tenant.isolation} tenant saw ${turn.own} of its ${documentsEach} documents`,
    turn.foreign === 0 ? '' : `a ${tenant.isolation} tenant saw ${turn.foreign} documents of the other`,
    turn.role === seen.role ? '' : `a ${tenant.isolation} tenant ran as ${turn.role}`,
    turn.path === seen.path ? '' : `a ${tenant.isolation} tenant had the search path ${turn.path}`,
    (turn.mark ?? '') === '' ? '' : 'a setting of the other tenant was still there',
  ].filter((mistake) => mistake !== '');
}

class RolledBack extends Error {}

/** Leaves the connection in the middle of something, each time another way. */
async function disturb(node: Bulkhead, { id }: Tenant, round: number): Promise<void> {
  const ways: readonly ((rows: RowsHandle) => Promise<unknown>)[] = [
    (rows) => rows.sql`select 1 / 0`,
    (rows) =>
      rows.transaction(async (tx) => {
        await tx.sql`update documents set content = 'changed'`;
        throw new RolledBack();
      }),
    (rows) => rows.sql`select set_config('doctor.mark', 'left behind', true)`,
    (rows) => rows.sql`select from no_such_table`,
  ];
  const way = ways[round % ways.length];
  if (way === undefined) return;
  // It is meant to fail; what counts is what the next turn sees.
  await node.run(id, () => way(node.rows.current())).catch(() => undefined);
}

/** Gives up on a statement that is running: the moment at which replies get lost and found by others. */
async function cancelOne(node: Bulkhead, id: string): Promise<void> {
  const controller = new AbortController();
  const running = node.run(id, () => node.rows.current().sql`select pg_sleep(0.2)`, {
    signal: controller.signal,
  });
  setTimeout(() => controller.abort(), 10);
  await running.catch(() => undefined);
}
