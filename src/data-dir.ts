import { randomBytes } from 'node:crypto';
import { chmod, mkdir, open, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from './config.ts';
import { BulkheadError } from './core/errors.ts';
import type { TenantId } from './core/ids.ts';

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

/** What in the data folder is called after a tenant: files and folders of whatever store keeps some there. */
export function dataDirSearch(dataDir: string): {
  readonly name: string;
  find(tenant: TenantId): Promise<readonly string[]>;
} {
  return {
    name: 'data folder',
    async find(tenant) {
      const names = [tenant, tenant.replaceAll('-', '')];
      const found: string[] = [];
      const folders = [''];
      for (let folder = folders.pop(); folder !== undefined; folder = folders.pop())
        for (const entry of await readdir(join(dataDir, folder), { withFileTypes: true })) {
          const path = join(folder, entry.name);
          if (names.some((name) => entry.name.includes(name))) found.push(path);
          // The inside of a database is its own business, and is searched as a database.
          else if (entry.isDirectory() && entry.name !== 'base') folders.push(path);
        }
      return found.toSorted();
    },
  };
}

/** What evidence is signed with, in PEM; made when it is first asked for. */
export function readEvidenceKey(dataDir: string, make: () => string): Promise<string> {
  return readOrMake(join(dataDir, 'evidence-key'), make);
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
