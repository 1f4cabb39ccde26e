import { Worker } from 'node:worker_threads';
import type { InstanceOptions, Reply, Request } from './instance-protocol.ts';

/** Why an instance is gone. */
export type InstanceEnd = 'closed' | 'timed_out' | 'crashed';

export class InstanceGone extends Error {
  readonly end: InstanceEnd;
  constructor(end: InstanceEnd, reason?: string) {
    super(reason === undefined ? `the embedded database ${end}` : `the embedded database ${end}: ${reason}`);
    this.name = 'InstanceGone';
    this.end = end;
  }
}

interface Pending {
  readonly timeoutMs: number;
  readonly resolve: (bytes: Uint8Array) => void;
  readonly reject: (cause: InstanceGone) => void;
}

/** One running embedded Postgres in a worker thread. Once gone it stays gone; what was committed is on disk. */
export class EmbeddedInstance {
  readonly #worker: Worker;
  readonly #isDurable: boolean;
  readonly #pending: Pending[] = [];
  readonly #ready = Promise.withResolvers<void>();
  readonly #exited = Promise.withResolvers<void>();
  #end: InstanceGone | undefined;
  #alarm: NodeJS.Timeout | undefined;

  private constructor(options: InstanceOptions) {
    this.#isDurable = options.dataDir !== undefined;
    const isSource = import.meta.url.endsWith('.ts');
    const url = new URL(isSource ? './instance-worker.ts' : './instance-worker.js', import.meta.url);
    this.#worker = new Worker(url, { workerData: options, name: 'bulkhead embedded postgres' });
    this.#worker.on('message', (reply: Reply) => this.#receive(reply));
    this.#worker.on('error', (cause) => this.#gone(new InstanceGone('crashed', String(cause))));
    this.#worker.on('exit', () => {
      this.#gone(new InstanceGone('crashed'));
      this.#exited.resolve();
    });
  }

  /** @throws InstanceGone where the data folder cannot be opened. */
  static async open(options: InstanceOptions): Promise<EmbeddedInstance> {
    const instance = new EmbeddedInstance(options);
    await instance.#ready.promise;
    return instance;
  }

  get isGone(): boolean {
    return this.#end !== undefined;
  }

  /**
   * Protocol messages in, all their answers out. With a bound, a statement that runs on beyond it costs the whole
   * instance, since nothing else stops WebAssembly; one in memory is never stopped, it would be lost.
   * @throws InstanceGone
   */
  exchange(bytes: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    return this.#ask({ kind: 'exchange', bytes }, this.#isDurable ? timeoutMs : 0);
  }

  /** The data folder as a tar file. */
  dump(): Promise<Uint8Array> {
    return this.#ask({ kind: 'dump' }, 0);
  }

  /** In order: what was asked before is answered, and a checkpoint is written. */
  async close(): Promise<void> {
    if (this.#end === undefined) {
      this.#end = new InstanceGone('closed');
      this.#worker.ref();
      this.#worker.postMessage({ kind: 'close' } satisfies Request, []);
    }
    await this.#exited.promise;
  }

  #ask(request: Request, timeoutMs: number): Promise<Uint8Array> {
    if (this.#end !== undefined) return Promise.reject(this.#end);
    return new Promise((resolve, reject) => {
      this.#pending.push({ timeoutMs, resolve, reject });
      this.#worker.ref();
      this.#worker.postMessage(request, []);
      if (this.#pending.length === 1) this.#setAlarm();
    });
  }

  #receive(reply: Reply): void {
    switch (reply.kind) {
      case 'ready':
        this.#worker.unref();
        return this.#ready.resolve();
      case 'bytes':
        this.#pending.shift()?.resolve(reply.bytes);
        if (this.#pending.length === 0) this.#worker.unref();
        return this.#setAlarm();
      case 'failed':
        return this.#kill(new InstanceGone('crashed', reply.message));
      default:
        return reply satisfies never;
    }
  }

  /** For the request the worker has now. */
  #setAlarm(): void {
    clearTimeout(this.#alarm);
    const timeoutMs = this.#pending[0]?.timeoutMs ?? 0;
    if (timeoutMs === 0) return;
    this.#alarm = setTimeout(() => this.#kill(new InstanceGone('timed_out')), timeoutMs);
  }

  #kill(end: InstanceGone): void {
    this.#gone(end);
    void this.#worker.terminate();
  }

  #gone(end: InstanceGone): void {
    clearTimeout(this.#alarm);
    this.#end ??= end;
    this.#ready.reject(this.#end);
    for (const { reject } of this.#pending.splice(0)) reject(this.#end);
  }
}
