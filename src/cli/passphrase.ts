import { readFile } from 'node:fs/promises';
import { CliFailure } from './failure.ts';

/** Of a file, and not of the command line, which other users of the machine can see. @throws file_unreadable */
export async function readPassphrase(path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  const [line = ''] = (await readText(path)).split('\n');
  return line.trimEnd();
}

/** @throws file_unreadable, also for what is not JSON */
export async function readJson(path: string): Promise<unknown> {
  const text = await readText(path);
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new CliFailure('file_unreadable', { reason: `${path} is not JSON`, hint: 'correct it' }, { cause });
  }
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new CliFailure('file_unreadable', { reason: path, hint: 'name a file you may read' }, { cause });
  }
}
