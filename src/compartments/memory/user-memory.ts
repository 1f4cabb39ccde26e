import { BulkheadError } from '../../core/errors.ts';
import { parseRowId } from '../../core/ids.ts';
import type { Row } from '../../drivers/sql.ts';
import type { ScopedAccess } from '../rows/handle.ts';
import type { Conversation, MemoryLimits, Message, UserMemory, Window } from './memory.ts';
import {
  assertMetadata,
  conversationColumns,
  estimateTokens,
  invalid,
  messageColumns,
  parseLimit,
  parseMessages,
  toConversation,
  toMessage,
  type ConversationRow,
  type MessageRow,
} from './values.ts';

const pageSize = 500;
const alive = '(c.expires_at is null or c.expires_at > now())';
/** The tenant, the user, the conversation: an id that is another user's is an id that is not there. */
const mine = `c.tenant_id = $1 and c.owner = $2 and c.id = $3 and ${alive}`;

/**
 * Adds messages, counts them on, and drops what is beyond the limits from the beginning: one statement, so all or none,
 * and two callers that append at once take turns at the conversation's row.
 */
const appendText = `
with taken as (
  update conversation c set next_ordinal = c.next_ordinal + $4, updated_at = now(),
    expires_at = case when c.expires_at is null then null else now() + (c.expires_at - c.updated_at) end
  where ${mine} returning c.id, c.next_ordinal - $4 as first
),
added as (
  insert into message (tenant_id, conversation, ordinal, role, content, tokens, metadata)
    select $1::uuid, t.id, t.first + i.place::int - 1, i.role, i.content, i.tokens, i.metadata::jsonb
    from taken t cross join unnest($5::text[], $6::text[], $7::int[], $8::text[]) with ordinality
      as i (role, content, tokens, metadata, place)
  returning *
),
kept as (
  select m.ordinal, count(*) over newest as place, sum(octet_length(m.content)) over newest as size
  from (
    select o.ordinal, o.content from message o join taken t on o.conversation = t.id where o.tenant_id = $1::uuid
    union all select a.ordinal, a.content from added a
  ) m window newest as (order by m.ordinal desc)
),
dropped as (
  delete from message m using taken t
    where m.tenant_id = $1::uuid and m.conversation = t.id
      and m.ordinal in (select k.ordinal from kept k where k.place > $9 or k.size > $10)
)
select ${messageColumns} from added m order by m.ordinal`;

export function createUserMemory(access: ScopedAccess, user: string, limits: MemoryLimits): UserMemory {
  const tenant = access.scope.tenantId;
  const rows = async <R extends Row>(text: string, values: readonly unknown[]): Promise<readonly R[]> =>
    (await access.run<R>({ text, values: [tenant, user, ...values] }, {})).rows;

  const read = async (conversation: string): Promise<Conversation | undefined> => {
    const id = parseRowId(conversation);
    if (id === undefined) return undefined;
    const [row] = await rows<ConversationRow>(
      `select ${conversationColumns} from conversation c where ${mine}`,
      [id],
    );
    return row === undefined ? undefined : toConversation(row);
  };
  const needed = async (conversation: string): Promise<Conversation> => {
    const found = await read(conversation);
    if (found === undefined) throw new BulkheadError('not_found', { field: 'conversation' });
    return found;
  };
  const page = async (id: string, from: number, limit: number): Promise<readonly Message[]> => {
    const found = await rows<MessageRow>(
      `select ${messageColumns} from message m join conversation c on c.tenant_id = m.tenant_id and c.id = m.conversation
        where ${mine} and m.ordinal >= $4 order by m.ordinal limit $5`,
      [id, from, limit],
    );
    return found.map(toMessage);
  };

  return {
    async start(input = {}) {
      const { title = '', metadata = {}, ttlMs = limits.ttlMs } = input;
      if (title.length > 500 || title.includes('\u0000')) throw invalid('title', 'up to 500 characters');
      if (ttlMs !== undefined && (!Number.isFinite(ttlMs) || ttlMs < 1_000))
        throw invalid('ttlMs', 'a second or more');
      assertMetadata(metadata, 'metadata');
      const [row] = await rows<ConversationRow>(
        `insert into conversation as c (tenant_id, owner, title, metadata, expires_at)
          values ($1, $2, $3, $4::jsonb, now() + $5::float8 * interval '1 millisecond') returning ${conversationColumns}`,
        [title, JSON.stringify(metadata), ttlMs ?? null],
      );
      if (row === undefined) throw new BulkheadError('internal', { reason: 'an insert returned no row' });
      return toConversation(row);
    },

    async list({ limit = 50, before } = {}) {
      const found = await rows<ConversationRow>(
        `select ${conversationColumns} from conversation c where c.tenant_id = $1 and c.owner = $2 and ${alive}
          and ($3::timestamptz is null or c.updated_at < $3) order by c.updated_at desc, c.id limit $4`,
        [before ?? null, parseLimit(limit, 200)],
      );
      return found.map(toConversation);
    },

    read,

    async append(conversation, messages) {
      const parsed = parseMessages(messages);
      const id = parseRowId(conversation);
      const added =
        id === undefined
          ? []
          : await rows<MessageRow>(appendText, [
              id,
              parsed.length,
              parsed.map(({ role }) => role),
              parsed.map(({ content }) => content),
              parsed.map(({ tokens }) => tokens),
              parsed.map(({ metadata }) => JSON.stringify(metadata)),
              limits.messagesPerConversation,
              limits.bytesPerConversation,
            ]);
      if (added.length === 0) throw new BulkheadError('not_found', { field: 'conversation' });
      return added.map(toMessage);
    },

    async messages(conversation, { from = 0, limit = 100 } = {}) {
      const { id } = await needed(conversation);
      return await page(id, from, parseLimit(limit, 1_000));
    },

    async window(conversation, fits) {
      const { id, summary, summarisedBelow } = await needed(conversation);
      const most = parseLimit(fits.messages ?? 200, 1_000);
      const newest = await rows<MessageRow & { readonly total: number }>(
        `select ${messageColumns}, (count(*) over ())::int as total
          from message m join conversation c on c.tenant_id = m.tenant_id and c.id = m.conversation
          where ${mine} and m.ordinal >= $4 order by m.ordinal desc limit $5`,
        [id, summarisedBelow, most],
      );
      return toWindow(summary, newest, fits.tokens ?? Number.POSITIVE_INFINITY);
    },

    async summarise(conversation, { text, below }) {
      if (typeof text !== 'string' || text.length > 100_000 || text.includes('\u0000'))
        throw invalid('text', 'up to 100,000 characters');
      if (!Number.isInteger(below) || below < 0) throw invalid('below', 'a whole number from 0 on');
      const id = parseRowId(conversation);
      const [row] =
        id === undefined
          ? []
          : await rows<ConversationRow>(
              `update conversation c set summary = $4, summarised_below = $5, updated_at = now()
                where ${mine} and $5 between c.summarised_below and c.next_ordinal returning ${conversationColumns}`,
              [id, text, below],
            );
      if (row !== undefined) return toConversation(row);
      await needed(conversation);
      throw invalid('below', 'lies behind the last message, or before what is summarised already');
    },

    async search(words, limit = 20) {
      if (
        typeof words !== 'string' ||
        words.trim() === '' ||
        words.length > 1_000 ||
        words.includes('\u0000')
      )
        throw invalid('words', '1 to 1,000 characters');
      const found = await rows<MessageRow>(
        `select ${messageColumns} from message m join conversation c on c.tenant_id = m.tenant_id and c.id = m.conversation
          where c.tenant_id = $1 and c.owner = $2 and ${alive}
            and to_tsvector('simple', m.content) @@ plainto_tsquery('simple', $3)
          order by m.created_at desc, m.ordinal desc limit $4`,
        [words, parseLimit(limit, 200)],
      );
      return found.map((row) => ({ conversation: row.conversation, message: toMessage(row) }));
    },

    async remove(conversation) {
      const id = parseRowId(conversation);
      if (id === undefined) return false;
      const gone = await rows(`delete from conversation c where ${mine} returning c.tenant_id`, [id]);
      return gone.length > 0;
    },

    async *export() {
      let after = '00000000-0000-0000-0000-000000000000';
      for (;;) {
        const [row] = await rows<ConversationRow>(
          `select ${conversationColumns} from conversation c
            where c.tenant_id = $1 and c.owner = $2 and c.id > $3::uuid order by c.id limit 1`,
          [after],
        );
        if (row === undefined) return;
        after = row.id;
        const messages: Message[] = [];
        for (let from = 0; ;) {
          const part = await page(row.id, from, pageSize);
          messages.push(...part);
          const last = part.at(-1);
          if (last === undefined || part.length < pageSize) break;
          from = last.ordinal + 1;
        }
        yield { conversation: toConversation(row), messages };
      }
    },

    async erase() {
      const [gone] = await rows<{ conversations: number; messages: number }>(
        `with said as (
            select count(*)::int as messages from message m join conversation c
              on c.tenant_id = m.tenant_id and c.id = m.conversation where c.tenant_id = $1 and c.owner = $2
          ), gone as (
            delete from conversation c where c.tenant_id = $1 and c.owner = $2 returning 1
          )
          select (select count(*) from gone)::int as conversations, messages from said`,
        [],
      );
      const [left] = await rows<{ left: number }>(
        'select count(*)::int as left from conversation c where c.tenant_id = $1 and c.owner = $2',
        [],
      );
      return {
        conversations: gone?.conversations ?? 0,
        messages: gone?.messages ?? 0,
        left: left?.left ?? 0,
      };
    },
  };
}

function toWindow(
  summary: string,
  newest: readonly (MessageRow & { readonly total: number })[],
  budget: number,
): Window {
  const summaryTokens = summary === '' ? 0 : estimateTokens(summary);
  let tokens = summaryTokens;
  const messages: Message[] = [];
  for (const row of newest) {
    if (tokens + row.tokens > budget) break;
    tokens += row.tokens;
    messages.unshift(toMessage(row));
  }
  return { summary, messages, tokens, left: (newest[0]?.total ?? 0) - messages.length };
}
