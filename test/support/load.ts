/** One tenant of the load: its key, and the mark that everything of its own bears. */
export interface LoadTenant {
  readonly key: string;
  readonly mark: string;
}

export interface LoadResult {
  readonly requests: number;
  /** Answers with something in them that is not the caller's own. */
  readonly leaks: number;
  /** Attempts on another tenant's document; each must be answered as if it never was. */
  readonly attacks: number;
  /** Answers that were neither what was asked nor, for an attack, 404. */
  readonly failures: number;
  readonly durationsMs: readonly number[];
}

interface Document {
  readonly id: string;
  readonly content: string;
}

/** The published mix: list 3 : create 2 : get 1. */
const mix = ['list', 'list', 'list', 'create', 'create', 'get'] as const;
/** One request of so many is an attack. */
const attackEvery = 12;

/**
 * One user a tenant, all at once: each asks, checks that all it is shown is its own, waits, and asks again.
 * @param options.waitMs shortest and longest pause between two requests of a user
 */
export async function runLoad(options: {
  readonly url: string;
  readonly tenants: readonly LoadTenant[];
  readonly durationMs: number;
  readonly waitMs: readonly [number, number];
}): Promise<LoadResult> {
  const { url, tenants, durationMs, waitMs } = options;
  const endMs = performance.now() + durationMs;
  const durationsMs: number[] = [];
  const count = { requests: 0, leaks: 0, attacks: 0, failures: 0 };
  const documents = new Map<string, string[]>(tenants.map(({ mark }) => [mark, []]));

  const ask = async (tenant: LoadTenant, path: string, body?: object): Promise<Response> => {
    const startedMs = performance.now();
    const response = await fetch(`${url}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${tenant.key}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    count.requests += 1;
    durationsMs.push(performance.now() - startedMs);
    return response;
  };
  const check = (tenant: LoadTenant, shown: readonly Document[]): void => {
    count.leaks += shown.filter(({ content }) => content !== tenant.mark).length;
  };

  const perform = async (tenant: LoadTenant, action: (typeof mix)[number]): Promise<void> => {
    const own = documents.get(tenant.mark) ?? [];
    const known = any(own);
    if (action === 'list') {
      const response = await ask(tenant, '/v1/documents?limit=50');
      if (response.status !== 200) count.failures += 1;
      else check(tenant, ((await response.json()) as { items: Document[] }).items);
    } else if (action === 'create' || known === undefined) {
      const response = await ask(tenant, '/v1/documents', { title: 'of the load', content: tenant.mark });
      if (response.status !== 201) count.failures += 1;
      else own.push(((await response.json()) as Document).id);
    } else {
      const response = await ask(tenant, `/v1/documents/${known}`);
      if (response.status !== 200) count.failures += 1;
      else check(tenant, [(await response.json()) as Document]);
    }
  };
  const attack = async (tenant: LoadTenant): Promise<void> => {
    const victim = any(tenants.filter(({ mark }) => mark !== tenant.mark));
    const foreign = any(documents.get(victim?.mark ?? '') ?? []);
    if (foreign === undefined) return;
    count.attacks += 1;
    const response = await ask(tenant, `/v1/documents/${foreign}`);
    if (response.status === 200) count.leaks += 1;
    else if (response.status !== 404) count.failures += 1;
    await response.arrayBuffer();
  };
  const user = async (tenant: LoadTenant): Promise<void> => {
    for (let turn = 0; performance.now() < endMs; turn += 1) {
      if (turn % attackEvery === attackEvery - 1) await attack(tenant);
      else await perform(tenant, any(mix) ?? 'list');
      await pause(waitMs[0] + Math.random() * (waitMs[1] - waitMs[0]));
    }
  };
  await Promise.all(tenants.map(user));
  return { ...count, durationsMs };
}

function any<Item>(items: readonly Item[]): Item | undefined {
  return items[Math.floor(Math.random() * items.length)];
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
