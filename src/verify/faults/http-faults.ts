import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { IssuedKey, KeyStore } from '../../registry/registry.ts';
import type { AttackedNode } from '../attack/node.ts';
import { altered, withHandles, withRegistry } from './altered.ts';
import type { Between, Fault, Planted, Tamper, TamperedAnswer, TamperedRequest } from './fault.ts';
import { attackActor } from '../attack/node.ts';

/** A server that knows whose key is which, as a careless one would. */
function withSecrets(
  node: AttackedNode,
  tamper: (secretOf: (tenant: Between['victim']) => string | undefined) => Tamper,
): Planted {
  const { keys } = node.registry;
  const issued: IssuedKey[] = [];
  return {
    node: withRegistry(node, {
      keys: altered<KeyStore>(keys, {
        issue: async (input, actor) => {
          const made = await keys.issue(input, actor);
          issued.push(made);
          return made;
        },
      }),
    }),
    tamper: tamper((tenant) => issued.find(({ key }) => key.tenant === tenant.id)?.secret),
  };
}

function headerOf({ rawHeaders }: TamperedRequest, name: string): string | undefined {
  const at = rawHeaders.findIndex((text, index) => index % 2 === 0 && text.toLowerCase() === name);
  return at < 0 ? undefined : rawHeaders[at + 1];
}

function setHeader(request: TamperedRequest, name: string, value: string): void {
  dropHeader(request, name);
  request.rawHeaders.push(name, value);
}

function dropHeader({ rawHeaders }: TamperedRequest, name: string): void {
  for (let at = rawHeaders.length - 2; at >= 0; at -= 2)
    if (rawHeaders[at]?.toLowerCase() === name) rawHeaders.splice(at, 2);
}

const documentPath = /^(?:\/api\/tenants\/[^/]+)?\/v1\/documents\/([0-9a-f-]{36})$/;

/** Ids of documents that an owner was shown: what a careless server would know to exist. */
function watching(tamper: (known: ReadonlyMap<string, string>) => Tamper): Tamper {
  const known = new Map<string, string>();
  const inner = tamper(known);
  return {
    ...inner,
    async answer(request, answer, log) {
      const id = documentPath.exec(request.url)?.[1];
      if (id !== undefined && answer.status === 200) known.set(id, answer.text);
      return (await inner.answer?.(request, answer, log)) ?? answer;
    },
  };
}

const text = (answer: TamperedAnswer, changes: Partial<TamperedAnswer>): TamperedAnswer => ({
  ...answer,
  ...changes,
});

/** Faults of the server itself. */
export const httpFaults: readonly Fault[] = [
  {
    number: 'F26',
    name: 'a header that names a tenant beats the credential',
    fronts: ['http'],
    plant: (node, { victim }) =>
      withSecrets(node, (secretOf) => ({
        request(request) {
          const named = headerOf(request, 'x-tenant-id');
          const secret = secretOf(victim);
          if (secret !== undefined && (named === victim.id || named === victim.slug))
            setHeader(request, 'authorization', `Bearer ${secret}`);
          return undefined;
        },
      })),
  },
  {
    number: 'A61',
    name: 'the forwarded host says who the tenant is',
    fronts: ['http'],
    plant: (node, { victim }) =>
      withSecrets(node, (secretOf) => ({
        request(request) {
          const secret = secretOf(victim);
          if (secret !== undefined && headerOf(request, 'x-forwarded-host')?.startsWith(victim.slug) === true)
            setHeader(request, 'authorization', `Bearer ${secret}`);
          return undefined;
        },
      })),
  },
  {
    number: 'A61b',
    name: 'of a header that is sent twice the last one counts',
    fronts: ['http'],
    plant: (node) => ({
      node,
      tamper: {
        request(request) {
          const { rawHeaders } = request;
          const sent = rawHeaders.filter(
            (_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === 'authorization',
          );
          const last = sent.at(-1);
          if (sent.length > 1 && last !== undefined) setHeader(request, 'authorization', last);
          return undefined;
        },
      },
    }),
  },
  {
    number: 'A64b',
    name: 'without a key one is the first tenant there is',
    fronts: ['http'],
    plant: (node, { victim }) =>
      withSecrets(node, (secretOf) => ({
        request(request) {
          const secret = secretOf(victim);
          if (headerOf(request, 'authorization') === undefined && secret !== undefined)
            setHeader(request, 'authorization', `Bearer ${secret}`);
          return undefined;
        },
      })),
  },
  {
    number: 'F36',
    name: 'what is another’s is forbidden, what is nobody’s not found',
    fronts: ['http'],
    plant: (node, { victim }) => ({
      node,
      tamper: {
        async answer({ url }, answer) {
          const id = documentPath.exec(url)?.[1];
          if (id === undefined || answer.status !== 404) return answer;
          const row = await asVictim(node, victim, id);
          return row === undefined ? answer : text(answer, { status: 403 });
        },
      },
    }),
  },
  {
    number: 'F37',
    name: 'what is another’s takes longer to be refused',
    fronts: ['http'],
    plant: (node, { victim }) => {
      const theirs = new Map<string, boolean>();
      return {
        node,
        tamper: {
          async answer({ url }, answer) {
            const id = documentPath.exec(url)?.[1];
            if (id === undefined) return answer;
            if (!theirs.has(id)) theirs.set(id, (await asVictim(node, victim, id)) !== undefined);
            if (theirs.get(id) === true) await sleep(20);
            return answer;
          },
        },
      };
    },
  },
  {
    number: 'F38',
    name: 'answers may be kept by anybody, and an ETag is of the content alone',
    fronts: ['http'],
    plant: (node) => ({
      node,
      tamper: {
        answer: (_, answer) =>
          text(answer, {
            headers: {
              'cache-control': 'public, max-age=60',
              etag: `"${createHash('sha256').update(answer.text).digest('hex')}"`,
            },
          }),
      },
    }),
  },
  {
    number: 'A68',
    name: 'answers are kept by address',
    fronts: ['http'],
    plant: (node) => {
      const kept = new Map<string, string>();
      return {
        node,
        tamper: {
          request({ method, url }) {
            const found = method === 'GET' ? kept.get(url) : undefined;
            return found === undefined ? undefined : { status: 200, text: found };
          },
          answer({ method, url }, answer) {
            if (method === 'GET' && answer.status === 200 && url.startsWith('/v1/'))
              kept.set(url, answer.text);
            return answer;
          },
        },
      };
    },
  },
  {
    number: 'F40',
    name: 'a log line holds what was read',
    fronts: ['http'],
    plant: (node) => ({
      node,
      tamper: {
        answer(_, answer, log) {
          log(`answered ${answer.text}`);
          return answer;
        },
      },
    }),
  },
  {
    number: 'F39b',
    name: 'a problem quotes the row it is about',
    fronts: ['http'],
    plant: (node) => ({
      node,
      tamper: watching((known) => ({
        answer(_, answer) {
          const shown = [...known.values()].find((body) => /canary-[0-9a-f]{32}/.test(body)) ?? '';
          return answer.status === 400
            ? text(answer, { text: `${answer.text.slice(0, -1)},"row":${JSON.stringify(shown)}}` })
            : answer;
        },
      })),
    }),
  },
  {
    number: 'F54',
    name: 'an operator’s route opens to any key',
    fronts: ['http'],
    plant: (node) => ({
      node,
      tamper: {
        request: ({ url, rawHeaders }) =>
          url.startsWith('/v1/tenants') && rawHeaders.some((value) => value.startsWith('Bearer bh_'))
            ? { status: 200, text: '{"items":[]}' }
            : undefined,
      },
    }),
  },
  {
    number: 'F33',
    name: 'the first caller of a connection stays its caller',
    fronts: ['http'],
    plant: (node) => {
      const first = new WeakMap<object, string>();
      return {
        node,
        tamper: {
          request(request) {
            const sent = headerOf(request, 'authorization');
            const before = first.get(request.connection);
            if (before !== undefined) setHeader(request, 'authorization', before);
            else if (sent !== undefined) first.set(request.connection, sent);
            return undefined;
          },
        },
      };
    },
  },
  {
    number: 'F45',
    name: 'a list shows everybody’s rows',
    fronts: ['http'],
    plant: (node, { victim }) => ({
      node: withHandles(node, (handle) =>
        altered(handle, {
          table: (name) => {
            const table = handle.table(name);
            return altered(table, {
              findAll: async (query) => {
                const page = await table.findAll(query);
                await using others = await node.rows.open(
                  await node.scope(victim.id, { actor: attackActor }),
                );
                const { rows } = await others.table(name).findAll(query);
                return { ...page, rows: [...page.rows, ...rows] };
              },
            });
          },
        }),
      ),
    }),
  },
  {
    number: 'F16',
    name: 'a route shows another’s row by its id',
    fronts: ['http'],
    plant: (node, { victim }) => ({
      node: withHandles(node, (handle) =>
        altered(handle, {
          table: (name) => {
            const table = handle.table(name);
            return altered(table, {
              findById: async (id) => (await table.findById(id)) ?? (await asVictim(node, victim, id)),
            });
          },
        }),
      ),
    }),
  },
];

async function asVictim(
  node: AttackedNode,
  victim: Between['victim'],
  id: string,
): Promise<Record<string, unknown> | undefined> {
  await using rows = await node.rows.open(await node.scope(victim.id, { actor: attackActor }));
  return await rows.table('documents').findById(id);
}
