import type { Duplex } from 'node:stream';
import { Client, Connection } from 'pg';
import { serialize } from 'pg-protocol';
import type { ConnectionTarget, Login } from './connection-target.ts';
import { WireReader, type OnMessage } from '../wire/wire-reader.ts';
import type { WireSocket } from '../wire/wire-socket.ts';

/** The part of `pg` that its type definitions leave out. */
interface PgConnection extends Connection {
  readonly stream: Duplex;
  connect(portOrPath: number | string, host?: string): void;
  requestSsl(): void;
}
interface PgClient {
  readonly connection: PgConnection;
  readonly processID: number | null;
  readonly secretKey: number | null;
  readonly ssl: boolean | object | undefined;
}

/**
 * Lets `pg` connect, negotiate TLS and authenticate, then takes the socket from it.
 * @throws the error of pg or of the server.
 */
export async function connectSocket(target: ConnectionTarget, login: Login | undefined): Promise<WireSocket> {
  const client = new Client({
    connectionString: target.urlFor(login),
    application_name: target.applicationName,
    connectionTimeoutMillis: target.connectTimeoutMs,
    keepAlive: true,
  });
  const reader = readBeside(client);
  client.on('error', ignore);
  await connectClient(client);
  const { stream } = takeOver(client, reader);
  return {
    processId: internalsOf(client).processID ?? 0,
    get isClosed() {
      return stream.destroyed;
    },
    listen(onMessage, onClosed) {
      reader.onMessage = onMessage;
      stream.once('close', onClosed);
    },
    write: (bytes) => void stream.write(bytes),
    end: () => void stream.end(serialize.end()),
    destroy: () => void stream.destroy(),
    cancel: () => sendCancel(target, client),
  };
}

interface Reader {
  onMessage: OnMessage;
  readonly onData: (chunk: Buffer) => void;
}

/** Reads from the first byte on, beside pg, so that nothing is lost or cut in two where we take over. */
function readBeside(client: Client): Reader {
  const { connection, ssl } = internalsOf(client);
  const wire = new WireReader((type, bytes, start, end) => reader.onMessage(type, bytes, start, end));
  const reader: Reader = {
    onMessage: ignore,
    onData: (chunk) => {
      try {
        wire.push(chunk);
      } catch {
        connection.stream.destroy();
      }
    },
  };
  const attach = (): void => void connection.stream.prependListener('data', reader.onData);
  // With TLS the first stream carries one byte and is then replaced.
  if (isEncrypted(ssl)) connection.once('sslconnect', attach);
  else attach();
  return reader;
}

function connectClient(client: Client): Promise<void> {
  return new Promise((resolve, reject) => {
    client.connect((error: Error | null) => {
      if (error === null) return resolve();
      client.end(ignore);
      return reject(error);
    });
  });
}

function takeOver(client: Client, reader: Reader): PgConnection {
  const { connection } = internalsOf(client);
  connection.removeAllListeners();
  client.removeAllListeners();
  // pg goes on to report socket errors to its connection object; unheard, an 'error' event would end the process.
  connection.on('error', ignore);
  for (const listener of connection.stream.listeners('data') as ((chunk: Buffer) => void)[])
    if (listener !== reader.onData) connection.stream.off('data', listener);
  return connection;
}

function sendCancel(target: ConnectionTarget, client: Client): void {
  const { processID, secretKey, ssl } = internalsOf(client);
  const request = serialize.cancel(processID ?? 0, secretKey ?? 0);
  const connection = new Connection({ ssl: ssl as boolean }) as PgConnection;
  const send = (): void => void connection.stream.end(request);
  connection.on('error', ignore);
  connection.once('connect', () => (isEncrypted(ssl) ? connection.requestSsl() : send()));
  connection.once('sslconnect', send);
  if (client.host.startsWith('/')) connection.connect(`${client.host}/.s.PGSQL.${client.port}`);
  else connection.connect(client.port, client.host);
  const giveUp = setTimeout(() => connection.stream.destroy(), target.connectTimeoutMs);
  connection.once('end', () => clearTimeout(giveUp));
}

function internalsOf(client: Client): PgClient {
  return client as unknown as PgClient;
}

function isEncrypted(ssl: PgClient['ssl']): boolean {
  return ssl !== undefined && ssl !== false;
}

function ignore(): void {
  // The end of the stream tells all that matters.
}
