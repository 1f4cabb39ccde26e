import { runJson, type Served } from './cli.ts';

export interface Tenant {
  readonly id: string;
  readonly slug: string;
  readonly state: string;
  readonly isolation: string;
}

/** A tenant with a key, made by the commands under test. */
export async function newTenantWithKey(
  dataDir: string,
  slug: string,
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly tenant: Tenant; readonly key: string }> {
  const at = ['--data-dir', dataDir];
  const tenant = await runJson<Tenant>(['tenant', 'create', slug, ...at], env);
  const { key } = await runJson<{ key: string }>(['key', 'create', slug, '--name', 'test', ...at], env);
  return { tenant, key };
}

export function request(
  { started }: Pick<Served, 'started'>,
  key: string,
  path: string,
  body?: unknown,
): Promise<Response> {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  return fetch(new URL(path, started.url), {
    headers,
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
  });
}
