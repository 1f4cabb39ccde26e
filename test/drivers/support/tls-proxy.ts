import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { newFolder } from './embedded.ts';

/** A server that speaks TLS the way Postgres does, in front of one that does not. */
export interface TlsProxy extends AsyncDisposable {
  /** The same URL, through the proxy, with TLS and a certificate nobody has signed. */
  through(url: string): string;
  /** Connections that were opened encrypted, cancel requests included. */
  readonly encrypted: number;
}

export async function startTlsProxy(serverUrl: string): Promise<TlsProxy> {
  const target = new URL(serverUrl);
  const certificate = await newCertificate();
  const sockets = new Set<Socket>();
  let encrypted = 0;
  const server = createServer((client) => {
    sockets.add(client);
    client.on('error', () => client.destroy());
    client.once('data', (request: Buffer) => {
      if (request.length !== 8 || request.readUInt32BE(4) !== sslRequest) return client.destroy();
      client.write('S');
      encrypted += 1;
      const secure = new TLSSocket(client, { isServer: true, ...certificate });
      const upstream = connect(Number(target.port), target.hostname);
      sockets.add(upstream);
      for (const socket of [secure, upstream]) socket.on('error', () => socket.destroy());
      secure.on('close', () => upstream.destroy());
      secure.pipe(upstream).pipe(secure);
      return undefined;
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    get encrypted() {
      return encrypted;
    },
    through(url) {
      const through = new URL(url);
      through.hostname = '127.0.0.1';
      through.port = String((server.address() as AddressInfo).port);
      through.searchParams.set('sslmode', 'no-verify');
      return through.href;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

const sslRequest = 80_877_103;

/** For 127.0.0.1, signed by itself: whoever is given `cert` as its authority can check it. */
export async function newCertificate(): Promise<{ readonly key: string; readonly cert: string }> {
  await using folder = await newFolder();
  const [key, cert] = [join(folder.path, 'key'), join(folder.path, 'cert')];
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await promisify(execFile)('openssl', [
    ...request,
    '-subj',
    '/CN=test',
    '-addext',
    'subjectAltName=IP:127.0.0.1',
    '-days',
    '2',
    '-keyout',
    key,
    '-out',
    cert,
  ]);
  return { key: await readFile(key, 'utf8'), cert: await readFile(cert, 'utf8') };
}
