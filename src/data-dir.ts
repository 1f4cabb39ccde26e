import { randomBytes } from 'node:crypto';
import { chmod, mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from './config.ts';
import { BulkheadError } from './core/errors.ts';

const ownerOnly = 0o600;

/** Makes the data folder, readable by its owner alone. @throws config_invalid where it cannot be made */
export async function ensureDataDir(dataDir: string): Promise<void> {
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    await chmod(dataDir, 0o700);
  } catch (cause) {
    throw new BulkheadError(
      'config_invalid',
      { reason: 'BULKHEAD_DATA_DIR cannot be made or is not yours; choose a folder you may write to' },
      { cause },
    );
  }
}

/** The key that everything secret is encrypted with: from the environment, else from the data folder, else made there. */
export async function readMasterKey(config: Config): Promise<Uint8Array> {
  if (config.masterKey !== undefined) return Buffer.from(config.masterKey, 'hex');
  const path = join(config.dataDir, 'master-key');
  const text = await readOrMake(path, () => randomBytes(32).toString('hex'));
  if (!/^[0-9a-f]{64}$/.test(text))
    throw new BulkheadError('config_invalid', {
      reason: 'the file master-key in the data folder is damaged; restore it from a backup',
    });
  return Buffer.from(text, 'hex');
}

export async function writeOperatorToken(dataDir: string, token: string): Promise<void> {
  const path = join(dataDir, 'operator-token');
  await writeFile(path, `${token}\n`, { mode: ownerOnly });
  await chmod(path, ownerOnly);
}

/** The first of several processes that start together makes it; all read the same. */
async function readOrMake(path: string, make: () => string): Promise<string> {
  try {
    const file = await open(path, 'wx', ownerOnly);
    try {
      const text = make();
      await file.writeFile(`${text}\n`);
      await file.sync();
      return text;
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'EEXIST')) throw cause;
    return (await readFile(path, 'utf8')).trim();
  }
}
