import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';

/** One request that the model was sent. */
export interface Asked {
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: Record<string, unknown>;
}

export interface ModelServer extends AsyncDisposable {
  readonly url: string;
  readonly asked: Asked[];
  /** What it does next; each answer is used once, then `otherwise`. */
  readonly next: Answer[];
  otherwise: Answer;
}

export type Answer = (asked: Asked, response: ServerResponse) => void | Promise<void>;

/** A model behind HTTP, as OpenAI's API describes it: what it says is up to the test. */
export async function openModelServer(otherwise: Answer): Promise<ModelServer> {
  const asked: Asked[] = [];
  const next: Answer[] = [];
  const state = { otherwise };
  const server = createServer((request, response) => {
    const answer = async (): Promise<void> => {
      const one: Asked = {
        path: request.url ?? '',
        authorization: request.headers.authorization,
        body: JSON.parse(await readAll(request)) as Record<string, unknown>,
      };
      asked.push(one);
      await (next.shift() ?? state.otherwise)(one, response);
    };
    void answer();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    asked,
    next,
    get otherwise() {
      return state.otherwise;
    },
    set otherwise(answer) {
      state.otherwise = answer;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function readAll(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

export const json =
  (value: unknown, status = 200, headers: Record<string, string> = {}): Answer =>
  (_asked, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(value));
  };

/** Vectors that say which text they are of: its length, and 1. */
export const embeddings =
  (dimension: number): Answer =>
  ({ body }, response) => {
    const input = body['input'] as readonly string[];
    const data = input.map((text, index) => ({
      index,
      embedding: [text.length, 1, ...Array.from({ length: dimension - 2 }, () => 0)],
    }));
    // In another order than asked: the index is what counts.
    json({ data: data.toReversed() })({ path: '', authorization: undefined, body }, response) as undefined;
  };

/** The words as a stream, split in the middle of letters. */
export const stream =
  (words: readonly string[], end: 'whole' | 'cut_off' = 'whole'): Answer =>
  async (_asked, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const events = words.map(
      (word) => `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: word } }] })}\n\n`,
    );
    const bytes = Buffer.from(events.join('') + (end === 'whole' ? 'data: [DONE]\n\n' : ''));
    for (let start = 0; start < bytes.length; start += 7) {
      response.write(bytes.subarray(start, start + 7));
      await new Promise((resume) => setImmediate(resume));
    }
    response.end();
  };
