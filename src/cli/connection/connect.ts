import { access } from 'node:fs/promises';
import type { Config } from '../../config.ts';
import { CliFailure } from '../failure.ts';
import type { Session } from '../session.ts';
import { answers, likelyAddresses } from './address.ts';
import type { Operator } from './operator.ts';
import { openRemote } from './remote.ts';
import { readToken } from './token.ts';

/** Runs `body` with the control plane: the server that was named, else one that answers, else the node in this process. */
export async function withOperator<Result>(
  session: Session,
  body: (operator: Operator) => Promise<Result>,
): Promise<Result> {
  await using operator = await connect(session);
  session.output.detail(`through ${operator.place}`);
  return await body(operator);
}

async function connect(session: Session): Promise<Operator> {
  const config = session.config();
  const url = config.url ?? (await findServer(session));
  if (url !== undefined) return openRemote({ url, token: await readToken(session) });
  await assertDataExists(config);
  // Loaded when it is needed: most commands talk to a server, and are four times as quick without it.
  const { openLocal } = await import('./local.ts');
  return await openLocal(config);
}

export async function findServer(session: Session): Promise<string | undefined> {
  const folder = session.flags.dataDir === undefined ? 'usual' : 'named';
  for (const url of await likelyAddresses(session.config(), folder)) {
    if (await answers(url)) return url;
  }
  return undefined;
}

/** Asking a question must not make a database; starting a server does. */
export async function assertDataExists({ databaseUrl, dataDir, host, port }: Config): Promise<void> {
  if (databaseUrl !== undefined) return;
  try {
    await access(dataDir);
  } catch {
    throw new CliFailure('server_unreachable', {
      reason: `nothing answers on ${host}:${port}, and there is no data in ${dataDir}`,
      hint: 'start a server with: bulkhead serve, or name one with --url, or a data folder with --data-dir',
    });
  }
}
