import type { Config } from '../../config.ts';
import { createLogger, createServer, type BulkheadServer } from '../../server/index.ts';
import { removeAddress, toUrl, writeAddress } from '../connection/address.ts';
import { CliFailure } from '../failure.ts';
import type { Session } from '../session.ts';
import { readVersion } from '../version.ts';
import { drawStarted, toStarted } from './banner.ts';
import { toLogLines } from './log-lines.ts';
import { openNode } from './open-node.ts';
import { listenForStop } from './stop.ts';

/** Starts the server and returns when it has stopped. */
export async function serve(session: Session, waitMs: number): Promise<void> {
  const config = session.config();
  const { output } = session;
  // From the first moment: whoever stops a start that waits does not want to wait for it.
  const stop = listenForStop((code) => process.exit(code));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => stop.release());
  // Standard output is for the result: where the server is.
  const logTo = toLogLines(process.stderr, output.page.paint);
  const log = createLogger(config.logLevel, logTo);
  const node = await openNode(
    { config, log: (event) => log.warn(event) },
    { forMs: waitMs, note: (text) => output.note(text), signal: stop.signal },
  );
  stack.defer(() => node.close());
  const recovered = await node.lifecycle.recover();
  const server = createServer(node, { logTo });
  stack.defer(() => server.close());
  const url = await listen(server, config);
  await writeAddress(config.dataDir, url);
  stack.defer(() => removeAddress(config.dataDir));
  const started = toStarted(node, { url, version: await readVersion(), recovered });
  output.result(started, (page) => drawStarted(page, started));
  const name = await stop.asked;
  output.note(`${name}: finishing what is running; once more ends it at once`);
}

/** @throws address_in_use, address_refused */
async function listen(server: BulkheadServer, { host, port }: Config): Promise<string> {
  try {
    const bound = new URL(await server.listen());
    return toUrl(host, Number(bound.port));
  } catch (cause) {
    throw toListenFailure(cause, `${host}:${port}`);
  }
}

function toListenFailure(cause: unknown, address: string): unknown {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (code === 'EADDRINUSE')
    return new CliFailure(
      'address_in_use',
      {
        reason: `something else listens on ${address}`,
        hint: 'stop it, or choose another port with --port or BULKHEAD_PORT (0 takes a free one)',
      },
      { cause },
    );
  if (code === 'EACCES' || code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return new CliFailure(
      'address_refused',
      { reason: `${address}: ${code}`, hint: 'choose an address of this machine and a port above 1023' },
      { cause },
    );
  return cause;
}
