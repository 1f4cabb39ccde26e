import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import { BulkheadError } from '../core/errors.ts';
import type { TenantId } from '../core/ids.ts';
import { createLexicalEmbedder } from './embed/lexical.ts';
import { createEndpointEmbedder } from './embed/openai.ts';
import type { Embedder } from './embed/embedder.ts';
import type { ChatSettings } from './models/chat.ts';

/** Names of the settings, and of the secrets that go with them. */
export const modelSettings = { embedding: 'models.embedding', chat: 'models.chat' } as const;
export type ModelUse = keyof typeof modelSettings;

const url = z.url({ protocol: /^https?$/ }).max(2_000);
const model = z.string().min(1).max(200);
const EmbeddingSetting = z.strictObject({ url, model, dimension: z.int().min(1).max(4_000) });
const ChatSetting = z.strictObject({ url, model, maxTokens: z.int().min(1).max(100_000).default(1_000) });

/** What is asked about a tenant's models. */
export interface ModelSource {
  /** The setting of the tenant, else of its plan, else of everybody. */
  setting(tenant: TenantId, key: string): Promise<unknown>;
  /** The tenant's own; there is no other that it could fall back to. */
  secret(tenant: TenantId, use: ModelUse): Promise<string | undefined>;
}

const lexical = createLexicalEmbedder();

/** How long a node may go on with a model that was changed elsewhere. */
const believedMs = 5_000;

/** Remembers for a moment, so that a search does not ask the registry which model it is to use. */
export function remembering(source: ModelSource, maxTenants: number): ModelSource {
  const known = new LRUCache<string, { readonly value: Promise<unknown> }>({
    max: maxTenants,
    ttl: believedMs,
  });
  const remembered = (name: string, read: () => Promise<unknown>): Promise<unknown> => {
    const found = known.get(name);
    if (found !== undefined) return found.value;
    const value = read();
    known.set(name, { value });
    value.catch(() => known.delete(name));
    return value;
  };
  return {
    setting: (tenant, key) => remembered(`setting ${key} ${tenant}`, () => source.setting(tenant, key)),
    secret: (tenant, use) =>
      remembered(`secret ${use} ${tenant}`, () => source.secret(tenant, use)) as Promise<string | undefined>,
  };
}

/** Under which purpose the vault keeps the key of a model. */
export function secretPurpose(use: ModelUse): string {
  return `secret:${modelSettings[use]}`;
}

/** The embedder of the tenant: the model its settings name, else the built-in one. @throws model_unavailable */
export async function readEmbedder(source: ModelSource, tenant: TenantId): Promise<Embedder> {
  const setting = await source.setting(tenant, modelSettings.embedding);
  if (setting === undefined || setting === null) return lexical;
  const parsed = parseSetting(EmbeddingSetting, setting, modelSettings.embedding);
  return createEndpointEmbedder({ ...parsed, key: await readKey(source, tenant, 'embedding') });
}

/** undefined: the tenant has no model to answer with. @throws model_unavailable */
export async function readChat(source: ModelSource, tenant: TenantId): Promise<ChatSettings | undefined> {
  const setting = await source.setting(tenant, modelSettings.chat);
  if (setting === undefined || setting === null) return undefined;
  const parsed = parseSetting(ChatSetting, setting, modelSettings.chat);
  return { ...parsed, key: await readKey(source, tenant, 'chat') };
}

/** @throws model_unavailable where none is stored: nobody's key stands in for a tenant's own */
async function readKey(source: ModelSource, tenant: TenantId, use: ModelUse): Promise<string> {
  const key = await source.secret(tenant, use);
  if (key !== undefined) return key;
  throw new BulkheadError('model_unavailable', {
    reason: `no key is stored for ${modelSettings[use]}`,
    hint: `store it with: bulkhead tenant secret TENANT ${modelSettings[use]}`,
  });
}

function parseSetting<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  key: string,
): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const fields = parsed.error.issues.map(({ path }) => path.join('.') || key).join(', ');
  throw new BulkheadError('model_unavailable', {
    reason: `the setting ${key} cannot be used: ${fields}`,
    hint: 'it is an object with url, model, and dimension for an embedding',
  });
}
