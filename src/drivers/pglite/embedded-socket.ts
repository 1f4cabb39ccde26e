import { WireReader, type OnMessage } from '../wire/wire-reader.ts';
import type { WireSocket } from '../wire/wire-socket.ts';
import { WireWriter } from '../wire/wire-writer.ts';
import { InstanceGone, type EmbeddedInstance } from './instance.ts';

/** A session on an embedded instance. The instance has one; ending it cleans up, so that the next one starts as new. */
export class EmbeddedSocket implements WireSocket {
  readonly processId = 0;
  readonly #instance: EmbeddedInstance;
  #reader: WireReader | undefined;
  #onMessage: OnMessage = ignore;
  #onClosed: () => void = ignore;
  #isClosed = false;

  constructor(instance: EmbeddedInstance) {
    this.#instance = instance;
  }

  get isClosed(): boolean {
    return this.#isClosed || this.#instance.isGone;
  }

  listen(onMessage: OnMessage, onClosed: () => void): void {
    this.#reader = new WireReader(onMessage);
    this.#onMessage = onMessage;
    this.#onClosed = onClosed;
  }

  write(bytes: Buffer, timeoutMs: number): void {
    this.#instance.exchange(bytes, timeoutMs).then(
      (reply) => this.#reader?.push(Buffer.from(reply.buffer, reply.byteOffset, reply.byteLength)),
      (cause: unknown) => this.#lost(cause),
    );
  }

  end(): void {
    this.#instance.exchange(cleaning(), 0).then(
      () => this.#close(),
      (cause: unknown) => this.#lost(cause),
    );
  }

  destroy(): void {
    this.#close();
  }

  cancel(): void {
    // Nothing interrupts WebAssembly; the bound on the statement's time does what can be done.
  }

  #lost(cause: unknown): void {
    if (this.#isClosed) return;
    const timedOut = cause instanceof InstanceGone && cause.end === 'timed_out';
    const payload = fatal(timedOut ? '57014' : '57P02', 'the embedded database was stopped');
    this.#onMessage(errorResponse, payload, 0, payload.length);
    this.#close();
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#onClosed();
  }
}

const errorResponse = 0x45;

function fatal(sqlState: string, message: string): Buffer {
  return Buffer.from(`SFATAL\0VFATAL\0C${sqlState}\0M${message}\0\0`);
}

/** Whatever was left open: DISCARD must not be in a transaction, so each is a message of its own. */
function cleaning(): Buffer {
  const writer = new WireWriter();
  writer.simpleQuery('rollback');
  writer.simpleQuery('reset session authorization');
  writer.simpleQuery('discard all');
  return writer.take();
}

function ignore(): void {
  // Until somebody listens.
}
