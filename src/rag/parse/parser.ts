import { Worker } from 'node:worker_threads';
import { BulkheadError } from '../../core/errors.ts';
import type { DocumentSource } from './detect.ts';
import { assertSize } from './parse.ts';
import type { ParseReply, ParseRequest } from './parse-protocol.ts';
import { defaultParseLimits, type ParseLimits, type StructuredText } from './structured.ts';

/** Parses documents of strangers: each in a worker thread, with an end to its time and its memory. */
export interface DocumentParser {
  /**
   * @throws media_type_unsupported, document_unreadable, document_too_large, document_empty, encoding_unknown,
   *   document_too_costly where time or memory ran out, pool_saturated where too many wait
   */
  parse(source: DocumentSource, signal?: AbortSignal): Promise<StructuredText>;
  close(): Promise<void>;
}

export interface ParserOptions {
  readonly limits?: Partial<ParseLimits>;
  /** Documents parsed at once. Default 1. */
  readonly workers?: number;
  /** Documents that may wait. Default 64. */
  readonly maxWaiting?: number;
}

interface Job {
  readonly source: DocumentSource;
  readonly signal: AbortSignal | undefined;
  readonly resolve: (parsed: StructuredText) => void;
  readonly reject: (cause: unknown) => void;
}

/** Workers start when the first document comes, and are kept while they behave. */
export function createParser(options: ParserOptions = {}): DocumentParser {
  const limits = { ...defaultParseLimits, ...options.limits };
  const { workers: maxWorkers = 1, maxWaiting = 64 } = options;
  const idle: Worker[] = [];
  const waiting: Job[] = [];
  let running = 0;
  let isClosed = false;

  const runNext = async (): Promise<void> => {
    const job = running < maxWorkers ? waiting.shift() : undefined;
    if (job === undefined) return;
    running += 1;
    const worker = idle.pop() ?? startWorker(limits);
    const state = await runJob(worker, job, limits);
    running -= 1;
    if (state === 'usable' && !isClosed) idle.push(worker);
    else void worker.terminate();
    void runNext();
  };

  return {
    async parse(source, signal) {
      assertSize(source.bytes, limits);
      signal?.throwIfAborted();
      if (waiting.length >= maxWaiting)
        throw new BulkheadError('pool_saturated', {
          reason: 'too many documents wait to be parsed; try again later',
        });
      return await new Promise<StructuredText>((resolve, reject) => {
        waiting.push({ source, signal, resolve, reject });
        void runNext();
      });
    },
    async close() {
      isClosed = true;
      for (const job of waiting.splice(0)) job.reject(new BulkheadError('shutting_down'));
      await Promise.all(idle.splice(0).map((worker) => worker.terminate()));
    },
  };
}

function startWorker({ memoryMb }: ParseLimits): Worker {
  const isSource = import.meta.url.endsWith('.ts');
  const url = new URL(isSource ? './parse-worker.ts' : './parse-worker.js', import.meta.url);
  const worker = new Worker(url, {
    name: 'bulkhead parser',
    // No part of the environment, which holds secrets, is there for a parser that was taken over.
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: memoryMb, maxYoungGenerationSizeMb: 64, stackSizeMb: 4 },
  });
  worker.unref();
  return worker;
}

/** @returns whether the worker may be given another document */
function runJob(worker: Worker, job: Job, limits: ParseLimits): Promise<'usable' | 'spent'> {
  return new Promise((done) => {
    const end = (state: 'usable' | 'spent', tell: () => void): void => {
      clearTimeout(timer);
      job.signal?.removeEventListener('abort', aborted);
      for (const event of ['message', 'error', 'exit']) worker.removeAllListeners(event);
      tell();
      done(state);
    };
    const refuse = (code: 'document_too_costly' | 'document_unreadable', reason: string): void =>
      end('spent', () => job.reject(new BulkheadError(code, { field: 'content', reason })));
    const aborted = (): void =>
      end('spent', () => job.reject(new BulkheadError('aborted', {}, { cause: job.signal?.reason })));
    const timer = setTimeout(
      () => refuse('document_too_costly', `it takes longer than ${limits.timeoutMs} ms to read; split it`),
      limits.timeoutMs,
    );
    job.signal?.addEventListener('abort', aborted, { once: true });
    worker.once('message', (reply: ParseReply) =>
      reply.kind === 'failed'
        ? refuse('document_unreadable', 'it cannot be read; open it and save it again')
        : end('usable', () => settle(job, reply)),
    );
    worker.once('error', (cause: NodeJS.ErrnoException) =>
      cause.code === 'ERR_WORKER_OUT_OF_MEMORY'
        ? refuse(
            'document_too_costly',
            `it needs more than ${limits.memoryMb} MB of memory to read; split it`,
          )
        : refuse('document_unreadable', 'it cannot be read; open it and save it again'),
    );
    worker.once('exit', () => refuse('document_unreadable', 'its reading ended unexpectedly'));
    // The bytes are copied and not transferred: the caller's own stay usable.
    worker.postMessage({ source: toPlain(job.source), limits } satisfies ParseRequest, []);
  });
}

function toPlain({ bytes, contentType, name }: DocumentSource): DocumentSource {
  return { bytes: new Uint8Array(bytes), contentType, name };
}

function settle(job: Job, reply: Exclude<ParseReply, { kind: 'failed' }>): void {
  if (reply.kind === 'parsed') job.resolve(reply.parsed);
  else job.reject(new BulkheadError(reply.code, reply.detail));
}
