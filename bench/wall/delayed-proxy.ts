import { Worker } from 'node:worker_threads';

/** A network of so many milliseconds: what the server says arrives that much later. For one connection busy at a time. */
export interface DelayedProxy extends AsyncDisposable {
  through(url: string): string;
}

/** In a thread of its own, because only a sleep is exact: timers of an event loop fire at whole milliseconds. */
export async function startDelayedProxy(serverUrl: string, delayMs: number): Promise<DelayedProxy> {
  const { hostname, port } = new URL(serverUrl);
  const worker = new Worker(new URL('./delayed-proxy-worker.ts', import.meta.url), {
    workerData: { hostname, port: Number(port), delayMs },
  });
  const listening = await new Promise<number>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  return {
    through(url) {
      const through = new URL(url);
      through.hostname = '127.0.0.1';
      through.port = String(listening);
      return through.href;
    },
    async [Symbol.asyncDispose]() {
      await worker.terminate();
    },
  };
}
