import { BulkheadError } from '../../core/errors.ts';
import { roles, type Conversation, type Message, type MessageRole, type NewMessage } from './memory.ts';

const maxContentChars = 200_000;
const maxMessagesAtOnce = 200;
const maxMetadataBytes = 16_384;
const bytesPerToken = 3;

export function invalid(field: string, reason: string): BulkheadError {
  return new BulkheadError('value_invalid', { field, reason });
}

/** @throws value_invalid */
export function assertUser(name: unknown): asserts name is string {
  if (typeof name !== 'string' || name.length < 1 || name.length > 256 || name.includes('\u0000'))
    throw invalid('user', '1 to 256 characters');
}

export function estimateTokens(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / bytesPerToken);
}

/** @throws value_invalid naming the message and the field; nothing was written then */
export function parseMessages(messages: readonly NewMessage[]): readonly Required<NewMessage>[] {
  if (messages.length < 1 || messages.length > maxMessagesAtOnce)
    throw invalid('messages', `1 to ${maxMessagesAtOnce} at once`);
  return messages.map((message, index) => {
    const at = (field: string): string => `messages[${index}].${field}`;
    const { role, content, tokens = estimateTokens(content), metadata = {} } = message;
    if (!roles.includes(role)) throw invalid(at('role'), `one of ${roles.join(', ')}`);
    if (typeof content !== 'string' || content.length > maxContentChars || content.includes('\u0000'))
      throw invalid(at('content'), `up to ${maxContentChars} characters, none of them NUL`);
    if (!Number.isInteger(tokens) || tokens < 0 || tokens > 10_000_000)
      throw invalid(at('tokens'), 'a whole number from 0 on');
    assertMetadata(metadata, at('metadata'));
    return { role, content, tokens, metadata };
  });
}

export function assertMetadata(metadata: Readonly<Record<string, unknown>>, field: string): void {
  const text = JSON.stringify(metadata);
  if (Buffer.byteLength(text) > maxMetadataBytes)
    throw invalid(field, `more than ${maxMetadataBytes} bytes of JSON`);
  if (text.includes(String.raw`\u0000`)) throw invalid(field, 'holds a NUL character');
}

export function parseLimit(limit: number, most: number): number {
  if (Number.isInteger(limit) && limit >= 1 && limit <= most) return limit;
  throw invalid('limit', `a whole number from 1 to ${most}`);
}

export interface ConversationRow extends Record<string, unknown> {
  readonly tenant_id: string;
  readonly id: string;
  readonly owner: string;
  readonly title: string;
  readonly summary: string;
  readonly summarised_below: number;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly expires_at: Date | null;
  readonly created_at: Date;
  readonly updated_at: Date;
}

export const conversationColumns =
  'tenant_id, id, owner, title, summary, summarised_below, metadata, expires_at, created_at, updated_at';

export function toConversation(row: ConversationRow): Conversation {
  return {
    id: row.id,
    user: row.owner,
    title: row.title,
    summary: row.summary,
    summarisedBelow: row.summarised_below,
    metadata: row.metadata,
    expiresAt: row.expires_at ?? undefined,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

export interface MessageRow extends Record<string, unknown> {
  readonly tenant_id: string;
  readonly conversation: string;
  readonly ordinal: number;
  readonly role: MessageRole;
  readonly content: string;
  readonly tokens: number;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly created_at: Date;
}

/** With the table's name in front, because some statements look at conversations too. */
export const messageColumns =
  'm.tenant_id, m.conversation, m.ordinal, m.role, m.content, m.tokens, m.metadata, m.created_at';

export function toMessage(row: MessageRow): Message {
  const { ordinal, role, content, tokens, metadata } = row;
  return { ordinal, role, content, tokens, metadata, createdAt: row.created_at };
}
