/** Runs one embedded Postgres off the main thread, where a long statement would stop everything else. */
import { readFile } from 'node:fs/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { PGlite } from '@electric-sql/pglite';
import { btree_gin } from '@electric-sql/pglite/contrib/btree_gin';
import { vector } from '@electric-sql/pglite-pgvector';
import type { InstanceOptions, Reply, Request } from './instance-protocol.ts';

const options = workerData as InstanceOptions;

async function start(): Promise<void> {
  const { dataDir, database, templatePath } = options;
  const template = templatePath === undefined ? undefined : new Blob([await readFile(templatePath)]);
  const db = await PGlite.create({
    ...(dataDir === undefined ? {} : { dataDir }),
    ...(template === undefined ? {} : { loadDataDir: template }),
    database,
    extensions: { vector, btree_gin },
  });
  parentPort?.on('message', (request: Request) => void answer(db, request));
  send({ kind: 'ready' });
}

async function answer(db: PGlite, request: Request): Promise<void> {
  try {
    switch (request.kind) {
      case 'exchange':
        return send({ kind: 'bytes', bytes: db.execProtocolRawSync(request.bytes) });
      case 'dump':
        return send({ kind: 'bytes', bytes: await dump(db) });
      case 'close':
        await db.close();
        return process.exit(0);
      default:
        return request satisfies never;
    }
  } catch (cause) {
    // The WebAssembly instance is in an unknown state: the next one recovers from the write-ahead log.
    return send({ kind: 'failed', message: cause instanceof Error ? cause.message : String(cause) });
  }
}

async function dump(db: PGlite): Promise<Uint8Array> {
  await db.exec('checkpoint');
  const file = await db.dumpDataDir('none');
  return new Uint8Array(await file.arrayBuffer());
}

function send(reply: Reply): void {
  parentPort?.postMessage(reply, []);
}

start().catch((cause: unknown) => {
  send({ kind: 'failed', message: cause instanceof Error ? cause.message : String(cause) });
});
