import { BulkheadError } from '../../core/errors.ts';
import { PipelinedConnection, type ConnectionEvents } from '../wire/pipelined-connection.ts';
import type { WireSocket } from '../wire/wire-socket.ts';
import { connectSocket } from './authenticated-socket.ts';
import type { ConnectionTarget, Login } from './connection-target.ts';

/**
 * Connects with the first login the server accepts.
 * @throws compartment_unreachable
 */
export async function openConnection(
  target: ConnectionTarget,
  statementLimit: number,
  events: ConnectionEvents,
): Promise<PipelinedConnection> {
  const socket = await connectWithAny(target).catch((cause: unknown) => {
    throw toConnectError(cause);
  });
  const connection = new PipelinedConnection(socket, events, statementLimit);
  recognise(connection);
  return connection;
}

/** A pooler makes up the process id it tells; the answer comes before that of anything sent later. */
function recognise(connection: PipelinedConnection): void {
  connection.submit({
    steps: [{ text: 'select pg_catalog.pg_backend_pid() as pid', domain: '', values: [] }],
    naming: 'unnamed',
    maxRows: 0,
    timeoutMs: 0,
    expects: 'idle',
    settle: (outcome) => {
      connection.isDirect =
        outcome.kind === 'done' && outcome.result.rows[0]?.['pid'] === connection.processId;
    },
  });
}

async function connectWithAny(target: ConnectionTarget): Promise<WireSocket> {
  const logins: readonly (Login | undefined)[] = (await target.credentials?.()) ?? [undefined];
  let refusal: unknown = new Error('there is no credential to try');
  for (const login of logins) {
    try {
      return await connectSocket(target, login);
    } catch (cause) {
      if (!isLoginRefused(cause)) throw cause;
      refusal = cause;
    }
  }
  throw refusal;
}

/** Wrong password, or no such role (any more): what a rotation looks like from here. */
function isLoginRefused(cause: unknown): boolean {
  const code = codeOf(cause);
  return code === '28P01' || code === '28000';
}

/** pg's own error object is not kept: it holds DETAIL, HINT and the connection's parameters. */
function toConnectError(cause: unknown): BulkheadError {
  const code = codeOf(cause);
  const message = cause instanceof Error ? cause.message : String(cause);
  return new BulkheadError(
    'compartment_unreachable',
    { reason: 'no connection', sqlState: code },
    { cause: Object.assign(new Error(message), { code }) },
  );
}

function codeOf(cause: unknown): string | undefined {
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined;
}
