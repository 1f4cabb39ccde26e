import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A TCP proxy in front of a server, that counts what passes. */
export interface Proxy extends AsyncDisposable {
  /** The same URL, through the proxy. */
  readonly url: string;
  /** Frontend messages by their type letter since the last `reset`, start-up not counted. */
  readonly sent: ReadonlyMap<string, number>;
  /** Chunks of bytes that clients wrote since the last `reset`. */
  readonly writes: number;
  reset(): void;
  /** Cuts every connection, as a failing network would. */
  cut(): void;
  /** Lets nothing through in either direction until called again with `flow`. */
  hold(state: 'stop' | 'flow'): void;
}

export async function startProxy(serverUrl: string): Promise<Proxy> {
  const target = new URL(serverUrl);
  const sent = new Map<string, number>();
  const sockets = new Set<Socket>();
  let writes = 0;
  let stopped = false;
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    const count = messageCounter((letter) => sent.set(letter, (sent.get(letter) ?? 0) + 1));
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      if (stopped) from.pause();
      from.setNoDelay(true);
      from.on('data', (chunk: Buffer) => {
        if (from === client) {
          writes += 1;
          count(chunk);
        }
        to.write(chunk);
      });
      from.on('end', () => to.end());
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const through = new URL(serverUrl);
  through.hostname = '127.0.0.1';
  through.port = String((server.address() as AddressInfo).port);
  return {
    url: through.href,
    sent,
    get writes() {
      return writes;
    },
    reset() {
      sent.clear();
      writes = 0;
    },
    cut() {
      for (const socket of sockets) socket.destroy();
    },
    hold(state) {
      stopped = state === 'stop';
      for (const socket of sockets)
        if (stopped) socket.pause();
        else socket.resume();
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Cuts a client's bytes into messages. The first one, the start-up, has no letter. */
function messageCounter(onMessage: (letter: string) => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  let started = false;
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    for (;;) {
      const header = started ? 1 : 0;
      if (rest.length < header + 4) return;
      const size = header + rest.readUInt32BE(header);
      if (rest.length < size) return;
      if (started) onMessage(rest.toString('latin1', 0, 1));
      started = true;
      rest = rest.subarray(size);
    }
  };
}
