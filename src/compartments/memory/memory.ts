import type { Compartment } from '../../core/compartment.ts';
import type { Placement } from '../../core/placement.ts';

export const roles = ['system', 'user', 'assistant', 'tool'] as const;
export type MessageRole = (typeof roles)[number];

export interface NewMessage {
  readonly role: MessageRole;
  /** Up to 200,000 characters. */
  readonly content: string;
  /** Left out: estimated, a token for every three bytes, which is more than most texts have. */
  readonly tokens?: number;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

export interface Message extends Required<NewMessage> {
  /** Place in the conversation, from 0; gaps are messages that were dropped. */
  readonly ordinal: number;
  readonly createdAt: Date;
}

export interface Conversation {
  readonly id: string;
  readonly user: string;
  readonly title: string;
  readonly summary: string;
  /** Messages below this ordinal are in the summary. */
  readonly summarisedBelow: number;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly expiresAt: Date | undefined;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export interface StartInput {
  readonly title?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** From now, and anew with each message. Default: the compartment's. */
  readonly ttlMs?: number;
}

/** The newest messages that fit, oldest first, behind the summary of what went before. */
export interface Window {
  readonly summary: string;
  readonly messages: readonly Message[];
  /** Of summary and messages. */
  readonly tokens: number;
  /** Messages that are kept and did not fit. */
  readonly left: number;
}

export interface Found {
  readonly conversation: string;
  readonly message: Message;
}

/** What one user of one tenant has said and was told, and nobody else's. */
export interface UserMemory {
  start(input?: StartInput): Promise<Conversation>;
  /** Latest first. `before` is the `updatedAt` of the last one seen. */
  list(page?: { readonly limit?: number; readonly before?: Date }): Promise<readonly Conversation[]>;
  /** @returns undefined where this user has no such conversation, whoever else may have it */
  read(conversation: string): Promise<Conversation | undefined>;
  /**
   * Adds messages in order, all or none. What goes beyond the limits of a conversation is dropped from its beginning.
   * @throws not_found · value_invalid
   */
  append(conversation: string, messages: readonly NewMessage[]): Promise<readonly Message[]>;
  /** @throws not_found */
  messages(
    conversation: string,
    page?: { readonly from?: number; readonly limit?: number },
  ): Promise<readonly Message[]>;
  /** @throws not_found */
  window(
    conversation: string,
    fits: { readonly tokens?: number; readonly messages?: number },
  ): Promise<Window>;
  /** Keeps `text` as what the messages below an ordinal come to. @throws not_found · value_invalid */
  summarise(
    conversation: string,
    summary: { readonly text: string; readonly below: number },
  ): Promise<Conversation>;
  /** Messages with all the words, latest first, of this user alone. */
  search(words: string, limit?: number): Promise<readonly Found[]>;
  /** @returns whether this user had it */
  remove(conversation: string): Promise<boolean>;
  /** Everything that is kept of this user, conversation by conversation (GDPR Art. 15 and 20). */
  export(): AsyncIterable<{ readonly conversation: Conversation; readonly messages: readonly Message[] }>;
  /** Removes everything that is kept of this user (GDPR Art. 17); `left` is counted by another query. */
  erase(): Promise<{ readonly conversations: number; readonly messages: number; readonly left: number }>;
}

export interface MemoryHandle extends AsyncDisposable {
  /** @throws value_invalid for a name that is empty or longer than 256 characters */
  user(name: string): UserMemory;
  /** Conversations and messages of all users of the tenant. */
  count(): Promise<{ readonly conversations: number; readonly messages: number }>;
}

export interface MemoryLimits {
  /** Default lifetime of a conversation after its last message; undefined = without end. */
  readonly ttlMs: number | undefined;
  readonly messagesPerConversation: number;
  readonly bytesPerConversation: number;
}

export interface MemoryCompartment extends Compartment<MemoryHandle> {
  /** Removes the tenant's conversations whose time is over. @returns how many */
  sweep(placement: Placement): Promise<number>;
}
