import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CliFailure } from '../failure.ts';
import type { Session } from '../session.ts';

export const tokenFile = 'operator-token';

/** --token, then the environment, then the data folder. @throws token_missing */
export async function readToken(session: Session): Promise<string> {
  const { operatorToken, dataDir } = session.config();
  const given = session.flags.token ?? operatorToken ?? (await readFileOrNothing(join(dataDir, tokenFile)));
  if (given === undefined)
    throw new CliFailure('token_missing', {
      reason: `there is none in ${join(dataDir, tokenFile)}`,
      hint: 'set BULKHEAD_OPERATOR_TOKEN, or run this where the server keeps its data (--data-dir)',
    });
  return given;
}

async function readFileOrNothing(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch {
    return undefined;
  }
}
