import { connect, createServer, type AddressInfo } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';

const { hostname, port, delayMs } = workerData as { hostname: string; port: number; delayMs: number };
const asleep = new Int32Array(new SharedArrayBuffer(4));

const server = createServer((client) => {
  const upstream = connect(port, hostname);
  for (const socket of [client, upstream]) {
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
  }
  client.on('data', (chunk: Buffer) => void upstream.write(chunk));
  upstream.on('data', (chunk: Buffer) => {
    Atomics.wait(asleep, 0, 0, delayMs);
    client.write(chunk);
  });
  client.on('end', () => void upstream.end());
  upstream.on('end', () => void client.end());
});
server.listen(0, '127.0.0.1', () => {
  parentPort?.postMessage((server.address() as AddressInfo).port, []);
});
