import type { Bulkhead } from '../../bulkhead.ts';
import { isBulkheadError } from '../../core/errors.ts';
import { CliFailure } from '../failure.ts';
import type { Session } from '../session.ts';
import { assertDataExists, findServer } from './connect.ts';

/**
 * Runs `body` with the node in this process, for work that is done on databases and not by asking a server.
 * @throws needs_database where only a server is named, or where one has the embedded database open
 */
export async function withNode<Result>(
  session: Session,
  body: (node: Bulkhead) => Promise<Result>,
): Promise<Result> {
  const config = session.config();
  if (config.url !== undefined && config.databaseUrl === undefined)
    throw new CliFailure('needs_database', {
      reason: 'a server cannot be asked for this',
      hint: 'run it where the data folder or BULKHEAD_DATABASE_URL is, without --url',
    });
  await assertDataExists(config);
  const { createBulkhead } = await import('../../create-bulkhead.ts');
  let node: Bulkhead;
  try {
    node = await createBulkhead({ config });
  } catch (cause) {
    if (!isBulkheadError(cause, 'data_dir_in_use')) throw cause;
    const url = await findServer(session);
    const who = url === undefined ? 'another process' : `the server at ${url}`;
    throw new CliFailure(
      'needs_database',
      { reason: `${who} has the embedded database open`, hint: 'stop it, run this, and start it again' },
      { cause },
    );
  }
  try {
    return await body(node);
  } finally {
    await node.close();
  }
}
