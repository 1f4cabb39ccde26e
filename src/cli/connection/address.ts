import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../../config.ts';

/** Where `serve` says which address it has, so that commands in the same folder find it on any port. */
const addressFile = 'server-url';

export async function writeAddress(dataDir: string, url: string): Promise<void> {
  await writeFile(join(dataDir, addressFile), `${url}\n`, { mode: 0o600 });
}

export async function removeAddress(dataDir: string): Promise<void> {
  await rm(join(dataDir, addressFile), { force: true });
}

/**
 * Addresses a server of this configuration may have, the likeliest first. One that is stale does no harm: nobody answers.
 * Where a data folder was named, only its own server is meant, and not one that happens to have the usual address.
 */
export async function likelyAddresses(config: Config, folder: 'named' | 'usual'): Promise<readonly string[]> {
  const written = await readFile(join(config.dataDir, addressFile), 'utf8').catch(() => '');
  const configured = folder === 'named' ? [] : [toUrl(config.host, config.port)];
  return [...new Set([written.trim(), ...configured])].filter((url) => URL.canParse(url));
}

/** As one would type it here: a server that listens on every address is reached on the loopback. */
export function toUrl(host: string, port: number): string {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}

const patienceMs = 1_500;

/** Whether a Bulkhead answers there. Another program on the port is not one. */
export async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(new URL('/health/live', url), { signal: AbortSignal.timeout(patienceMs) });
    const body: unknown = await response.json();
    return typeof body === 'object' && body !== null && 'status' in body;
  } catch {
    return false;
  }
}
