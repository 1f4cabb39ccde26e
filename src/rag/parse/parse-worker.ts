/** Parses one document at a time off the main thread, where a hostile one can only end this worker. */
import { parentPort } from 'node:worker_threads';
import { isBulkheadError } from '../../core/errors.ts';
import { parseDocument } from './parse.ts';
import type { ParseReply, ParseRequest } from './parse-protocol.ts';

parentPort?.on('message', ({ source, limits }: ParseRequest) => {
  void send(source, limits);
});

async function send(source: ParseRequest['source'], limits: ParseRequest['limits']): Promise<void> {
  const reply = await answer(source, limits);
  parentPort?.postMessage(reply, []);
}

async function answer(source: ParseRequest['source'], limits: ParseRequest['limits']): Promise<ParseReply> {
  try {
    return { kind: 'parsed', parsed: await parseDocument(source, limits) };
  } catch (cause) {
    // What a parser stumbles over may hold text of the document: it is not passed on.
    return isBulkheadError(cause)
      ? { kind: 'refused', code: cause.code, detail: cause.detail }
      : { kind: 'failed' };
  }
}
