import { Command } from 'commander';
import { toAction, type Cli } from '../session.ts';

interface Options {
  readonly wait?: true;
}

/** How long a database that is down at the start is waited for without --wait. */
const patienceMs = 10_000;

export function serveCommand(cli: Cli): Command {
  return new Command('serve')
    .description('start the server; this is what npm start runs')
    .option('--port <port>', 'port to listen on (BULKHEAD_PORT; default 7070)')
    .option('--host <host>', 'address to listen on (BULKHEAD_HOST; default 127.0.0.1)')
    .option('--wait', `wait for a database that is down; without it, give up after ${patienceMs / 1_000} s`)
    .action(
      toAction<Options>(cli, async (session, { wait }) => {
        // The other commands need not load a server.
        const { serve } = await import('../serve/serve.ts');
        await serve(session, wait === true ? Infinity : patienceMs);
      }),
    );
}
