import { answerFrom, type LimitAnswer, type LimitAsking, type LimitState } from '../../core/limit.ts';
import type { SharedLimitStore } from '../limit-store.ts';
import type { AdminDatabase, AdminTransaction } from '../sql.ts';

/** In the order of the keys, so that two batches never wait for each other in a circle. The update takes the row's lock. */
const lockText = `insert into bulkhead.rate_limit (key)
  select k from unnest($1::text[]) as k order by k
  on conflict (key) do update set key = excluded.key
  returning key, a, b, c`;

const writeText = `update bulkhead.rate_limit l set a = w.a, b = w.b, c = w.c, kept_until = to_timestamp(w.until / 1000)
  from unnest($1::text[], $2::float8[], $3::float8[], $4::float8[], $5::float8[]) as w (key, a, b, c, until)
  where l.key = w.key`;

const sweepText = `delete from bulkhead.rate_limit where key in (
  select key from bulkhead.rate_limit where kept_until < to_timestamp($1::float8 / 1000) limit 1000 for update skip locked)`;

const sweepEveryMs = 60_000;

type LimitRow = { key: string; a: number | null; b: number | null; c: number | null };

/**
 * Limits that all processes share, in the control database: two statements a batch, whatever it holds. The table is
 * unlogged: after a crash of the server everybody starts afresh.
 */
export function openPostgresLimits(admin: AdminDatabase): SharedLimitStore {
  let sweptAtMs = 0;
  return {
    isLocal: false,
    async decide(askings, nowMs) {
      const answers = await admin.transaction((tx) => decideIn(tx, askings, nowMs));
      if (nowMs - sweptAtMs > sweepEveryMs) {
        sweptAtMs = nowMs;
        await admin.query(sweepText, [nowMs]);
      }
      return answers;
    },
    state: () => 'up',
    close: async () => {},
  };
}

async function decideIn(
  tx: AdminTransaction,
  askings: readonly LimitAsking[],
  nowMs: number,
): Promise<readonly LimitAnswer[]> {
  const keys = new Set(askings.flatMap(({ charges }) => charges.map(({ key }) => key)));
  const { rows } = await tx.query<LimitRow>(lockText, [[...keys]]);
  const states = new Map<string, LimitState | undefined>(rows.map((row) => [row.key, toState(row)]));
  const changed = new Map<string, { readonly state: LimitState; readonly untilMs: number }>();
  const answers = askings.map((asking) => {
    const answer = answerFrom(
      asking,
      asking.charges.map(({ key }) => states.get(key)),
      nowMs,
    );
    asking.charges.forEach(({ key, cost }, index) => {
      const standing = answer.standings[index];
      if (!answer.isAllowed || cost === 0 || standing === undefined) return;
      states.set(key, standing.next);
      changed.set(key, { state: standing.next, untilMs: nowMs + standing.keepMs });
    });
    return answer;
  });
  const written = [...changed];
  if (written.length > 0)
    await tx.query(writeText, [
      written.map(([key]) => key),
      ...[0, 1, 2].map((part) => written.map(([, { state }]) => state[part])),
      written.map(([, { untilMs }]) => untilMs),
    ]);
  return answers;
}

function toState({ a, b, c }: LimitRow): LimitState | undefined {
  return a === null ? undefined : [a, b ?? 0, c ?? 0];
}
