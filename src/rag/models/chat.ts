import { BulkheadError } from '../../core/errors.ts';
import { post, type Endpoint } from './endpoint.ts';

export interface ChatSettings extends Endpoint {
  readonly model: string;
  /** Most tokens that it may answer with. */
  readonly maxTokens: number;
}

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

const timeoutMs = 120_000;
/** A line of an event stream that is longer is no event of a model. */
const maxLineChars = 1_000_000;

/**
 * What the model says, piece by piece as it says it (`POST /chat/completions` with `stream`, as OpenAI's API describes it).
 * Leaving the loop early ends the request.
 * @throws model_unavailable · aborted
 */
export async function* chat(
  settings: ChatSettings,
  messages: readonly ChatMessage[],
  signal: AbortSignal,
): AsyncGenerator<string> {
  const { model, maxTokens } = settings;
  const response = await post(
    settings,
    { path: '/chat/completions', body: { model, messages, max_tokens: maxTokens, stream: true } },
    { signal, timeoutMs, attempts: 3 },
  );
  if (response.body === null) throw cutOff();
  let ended = false;
  for await (const line of readLines(response.body)) {
    if (!line.startsWith('data:')) continue;
    const data = line.slice(5).trim();
    if (data === '[DONE]') {
      ended = true;
      break;
    }
    const { text, finished } = parseEvent(data);
    ended ||= finished;
    if (text !== '') yield text;
  }
  if (!ended) throw cutOff();
}

async function* readLines(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let pending = '';
  // One decoder for the whole stream: a letter may be split between two pieces.
  for await (const piece of body.pipeThrough(new TextDecoderStream())) {
    pending += piece;
    if (pending.length > maxLineChars) throw cutOff();
    const lines = pending.split(/\r?\n/);
    pending = lines.pop() ?? '';
    yield* lines;
  }
  if (pending !== '') yield pending;
}

interface StreamEvent {
  readonly choices?: readonly {
    readonly delta?: { readonly content?: unknown };
    readonly finish_reason?: unknown;
  }[];
}

function parseEvent(data: string): { readonly text: string; readonly finished: boolean } {
  let event: StreamEvent | null;
  try {
    event = JSON.parse(data) as StreamEvent | null;
  } catch (cause) {
    throw new BulkheadError('model_unavailable', { reason: 'the model answered with no JSON' }, { cause });
  }
  const choice = event?.choices?.[0];
  const content = choice?.delta?.content;
  return {
    text: typeof content === 'string' ? content : '',
    finished: typeof choice?.finish_reason === 'string',
  };
}

function cutOff(): BulkheadError {
  return new BulkheadError('model_unavailable', { reason: 'the model’s answer was cut off' });
}
