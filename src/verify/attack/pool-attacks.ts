import { randomUUID } from 'node:crypto';
import { findCanaries, wordsOf } from '../../core/canary.ts';
import { isBulkheadError, type ErrorCode } from '../../core/errors.ts';
import {
  held,
  leaked,
  untested,
  type AttackCase,
  type Duel,
  type Outcome,
  type Side,
} from './attack-case.ts';
import { storm } from './expect.ts';
import { attackActor, type AttackedRows } from './node.ts';

/** What one tenant could leave on a connection for the next, and what a connection that lost count could hand out. */
export const poolAttacks: readonly AttackCase[] = [
  {
    id: 'pool/nonces',
    attacks: ['A29', 'A43'],
    how: 'statements of both tenants share connections; each answer must carry its own caller’s number and rows',
    run: (duel) => storm(duel.storm, (index) => ask(duel, sideOf(duel, index))),
  },
  {
    id: 'pool/cancel-storm',
    attacks: ['A29', 'A43'],
    how: 'four in ten statements are cancelled at random moments; no answer may reach another caller afterwards',
    run: cancelStorm,
  },
  {
    id: 'pool/prepared-replay',
    attacks: ['A14', 'A15'],
    how: 'one statement is replayed by turns for both tenants, past the point where plans are kept',
    run: preparedReplay,
  },
  {
    id: 'pool/settings',
    attacks: ['A27', 'A28', 'A29'],
    how: 'session settings, search path and role are set by one tenant; the other must find its own',
    run: settingsLeft,
  },
  {
    id: 'pool/broken-transaction',
    attacks: ['A29'],
    how: 'a transaction of one tenant is cancelled half way; the other’s next statement must find nothing of it',
    run: brokenTransaction,
  },
  {
    id: 'pool/error-text',
    attacks: ['A19', 'A72'],
    how: 'statements that fail over foreign rows: no message, detail or cause may hold the canary',
    run: errorTexts,
  },
];

function sideOf({ attacker, victim }: Duel, index: number): { own: Side; foreign: Side } {
  return index % 2 === 0 ? { own: attacker, foreign: victim } : { own: victim, foreign: attacker };
}

/** Codes with which a statement that was cut off, or had to wait too long, may end. */
const interruptions: ReadonlySet<ErrorCode> = new Set(['aborted', 'statement_timeout']);

async function ask(
  { node }: Duel,
  { own, foreign }: { own: Side; foreign: Side },
  signal?: AbortSignal,
): Promise<string | undefined> {
  const nonce = randomUUID();
  const scope = await node.scope(own.tenant.id, {
    actor: attackActor,
    ...(signal === undefined ? {} : { signal }),
  });
  await using rows = await node.rows.open(scope);
  const answer = await rows.sql`
    select ${nonce}::text as nonce, id::text as id, tenant_id::text as tenant from documents limit 50`;
  return judge(answer, { nonce, own, foreign });
}

function judge(
  answer: readonly Record<string, unknown>[],
  { nonce, own, foreign }: { nonce: string; own: Side; foreign: Side },
): string | undefined {
  if (answer.some((row) => row['nonce'] !== nonce)) return 'an answer was another caller’s';
  if (answer.some((row) => row['id'] === foreign.planted.document || row['tenant'] !== own.tenant.id))
    return 'an answer held a row of the other tenant';
  return answer.some((row) => row['id'] === own.planted.document)
    ? undefined
    : 'an answer was not the caller’s';
}

async function cancelStorm(duel: Duel): Promise<Outcome> {
  let cancelled = 0;
  const outcome = await storm(duel.storm, async (index) => {
    const controller = new AbortController();
    const doomed = index % 5 < 2;
    if (doomed) setTimeout(() => controller.abort(), Math.random() * 12);
    try {
      return await ask(duel, sideOf(duel, Math.floor(index / 5)), controller.signal);
    } catch (cause) {
      if (isBulkheadError(cause) && interruptions.has(cause.code)) {
        cancelled += 1;
        return undefined;
      }
      if (isBulkheadError(cause, 'foreign_row')) return 'an answer held a row of the other tenant';
      throw cause;
    }
  });
  if (outcome.result !== 'held') return outcome;
  if (cancelled === 0) return untested('nothing was cancelled in time');
  // After the storm every connection must still be its caller's.
  return await storm(20, (index) => ask(duel, sideOf(duel, index)));
}

/** Postgres plans anew five times, and may keep a plan from the sixth on. */
const replays = 16;

async function preparedReplay(duel: Duel): Promise<Outcome> {
  for (let round = 0; round < replays; round += 1) {
    const problem = await ask(duel, sideOf(duel, round));
    if (problem !== undefined) return leaked(`replay ${round + 1}: ${problem}`);
  }
  return held(replays);
}

async function settingsLeft({ node, attacker, victim }: Duel): Promise<Outcome> {
  const mark = randomUUID();
  const as = <T>(side: Side, work: (rows: AttackedRows) => Promise<T>): Promise<T> =>
    node.run(side.tenant.id, () => work(node.rows.current()), { actor: attackActor });
  const attempts: readonly ((rows: AttackedRows) => Promise<unknown>)[] = [
    (rows) => rows.sql`select set_config('app.note', ${mark}, false)`,
    (rows) => rows.sql`select set_config('app.tenant_id', ${attacker.tenant.id}, false)`,
    (rows) => rows.sql`select set_config('application_name', ${mark}, false)`,
    (rows) => rows.sql`select set_config('search_path', 'pg_catalog', false)`,
    (rows) => rows.sql`select set_config('statement_timeout', '1', false)`,
    (rows) => rows.sql`select set_config('role', 'none', false)`,
  ];
  for (const attempt of attempts) {
    // Where it is refused there is nothing left to find, and the victim looks all the same.
    await as(attacker, attempt).catch(() => undefined);
    for (let look = 0; look < 3; look += 1) {
      const [seen] = await as(
        victim,
        (rows) => rows.sql`
          select coalesce(current_setting('app.note', true), '') as note, current_setting('application_name', true) as name,
            current_setting('app.tenant_id', true) as tenant, count(d.id)::int as own
          from documents d where d.id = ${victim.planted.document}`,
      );
      if (seen?.['note'] === mark || seen?.['name'] === mark)
        return leaked('a setting outlived its statement');
      if (seen?.['tenant'] === attacker.tenant.id) return leaked('a tenant setting outlived its statement');
      if (seen?.['own'] !== 1) return leaked('the victim no longer sees its own row');
    }
  }
  return held(attempts.length);
}

async function brokenTransaction(duel: Duel): Promise<Outcome> {
  const { node, attacker, victim } = duel;
  for (let round = 0; round < 6; round += 1) {
    const controller = new AbortController();
    const scope = await node.scope(attacker.tenant.id, { actor: attackActor, signal: controller.signal });
    await using rows = await node.rows.open(scope);
    const cut = rows.transaction(async (tx) => {
      await tx.sql`insert into documents (title, content) values ('cut off', 'cut off')`;
      controller.abort();
      return await tx.sql`select count(*) from documents`;
    });
    const problem = await cut.then(
      () => 'a cancelled transaction was committed',
      () => undefined,
    );
    const next = await ask(duel, { own: victim, foreign: attacker });
    if (next !== undefined) return leaked(next);
    if (problem !== undefined) return leaked(problem);
  }
  const left = await node.run(
    attacker.tenant.id,
    () => node.rows.current().sql`select id from documents where title = 'cut off'`,
  );
  return left.length === 0 ? held(6) : leaked('rows of a cancelled transaction are there');
}

async function errorTexts({ node, attacker, victim }: Duel): Promise<Outcome> {
  const { document, externalId, digest } = victim.planted;
  const statements: readonly ((rows: AttackedRows) => Promise<unknown>)[] = [
    (rows) => rows.sql`select content::integer from documents where id = ${document}`,
    (rows) => rows.sql`select content::uuid, 1 / (length(content) - length(content)) from documents`,
    (rows) => rows.sql`select (content || title)::timestamptz from documents`,
    (rows) => rows.table('documents').create({ title: 'x', content: 'x', external_id: externalId }),
    (rows) => rows.table('documents').create({ id: document, title: 'x', content: 'x' }),
    (rows) => rows.sql`select content::jsonb, xmlparse(content content) from documents`,
  ];
  for (const statement of statements) {
    try {
      await node.run(attacker.tenant.id, async () => {
        const made = await statement(node.rows.current());
        const id = (made as { id?: unknown }).id;
        if (typeof id === 'string' && id !== document)
          await node.rows.current().table('documents').delete(id);
        if (id === document) await node.rows.current().table('documents').delete(document);
      });
    } catch (cause) {
      if (findCanaries(wordsOf(cause), [digest]).length > 0) return leaked('an error holds the canary');
    }
  }
  return held(statements.length);
}
