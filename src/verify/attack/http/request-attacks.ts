import { randomUUID } from 'node:crypto';
import { findCanaries } from '../../../core/canary.ts';
import { held, leaked, untested, type Outcome } from '../attack-case.ts';
import { storm } from '../expect.ts';
import { isSlower } from '../timing.ts';
import type { HttpCase, HttpDuel } from './route-attacks.ts';
import { send, sendTwice, withoutRequestId } from './send.ts';

/** What a request says about itself, and what an answer says between the lines. */
export const requestAttacks: readonly HttpCase[] = [
  {
    id: 'http/header-conflicts',
    attacks: ['A61'],
    how: 'key of one tenant with the other’s name in X-Tenant-ID, forwarded hosts, the query, the path and cookies',
    run: headerConflicts,
  },
  {
    id: 'http/repeated-headers',
    attacks: ['A61'],
    how: 'headers that say who calls are sent twice, once for each tenant, in either order',
    run: repeatedHeaders,
  },
  {
    id: 'http/altered-keys',
    attacks: ['A63'],
    how: 'the victim’s key, altered in one character, cut short, and with the other tenant’s public part',
    run: alteredKeys,
  },
  {
    id: 'http/not-found-alike',
    attacks: ['A71'],
    how: 'ids of the victim and ids that never were: same status, body and headers for every method',
    run: notFoundAlike,
  },
  {
    id: 'http/timing',
    attacks: ['A71'],
    how: 'ids of the victim and ids that never were, turn about: neither may take longer more often than chance allows',
    run: timing,
  },
  {
    id: 'http/caching',
    attacks: ['A68'],
    how: 'answers must not be kept by anything between, nor confirmed by an ETag that another tenant sends',
    run: caching,
  },
  {
    id: 'http/errors-and-logs',
    attacks: ['A72'],
    how: 'requests fail in many ways over the canary; problems, log and metrics are searched for it',
    run: errorsAndLogs,
  },
  {
    id: 'http/keep-alive',
    attacks: ['A56', 'A57'],
    how: 'requests of both tenants follow each other on shared connections; each answer must be its caller’s',
    run: keepAlive,
  },
];

async function headerConflicts(duel: HttpDuel): Promise<Outcome> {
  const { front, attacker, victim } = duel;
  const { id, slug } = victim.tenant;
  const claims: readonly { path?: string; headers?: Readonly<Record<string, string>> }[] = [
    { headers: { 'x-tenant-id': id } },
    { headers: { 'x-tenant-id': slug } },
    { headers: { 'x-tenant': id, 'x-tenant-slug': slug, tenant: slug } },
    { headers: { 'x-forwarded-host': `${slug}.example.com`, forwarded: `host=${slug}.example.com` } },
    {
      headers: {
        'x-original-url': `/api/tenants/${slug}/v1/me`,
        'x-rewrite-url': `/api/tenants/${slug}/v1/me`,
      },
    },
    { headers: { cookie: `tenant=${id}; tenant_id=${id}` } },
    { path: `/api/tenants/${slug}/v1/me` },
    { path: `/api/tenants/${id}/v1/me` },
    { path: `/v1/me?tenant=${slug}` },
    { headers: { 'x-api-key': victim.key.secret.slice(0, -1) } },
  ];
  for (const { path = '/v1/me', headers } of claims) {
    const answer = await send(front, {
      path,
      key: attacker.key.secret,
      ...(headers === undefined ? {} : { headers }),
    });
    const named = Object.keys(headers ?? { path })[0] ?? 'path';
    if (answer.text.includes(id)) return leaked(`${named} made the answer the victim’s`);
    if (answer.status < 300 && !answer.text.includes(attacker.tenant.id))
      return leaked(`${named} made the answer somebody else’s`);
  }
  return held(claims.length);
}

async function repeatedHeaders({ front, attacker, victim }: HttpDuel): Promise<Outcome> {
  const [mine, theirs] = [`Bearer ${attacker.key.secret}`, `Bearer ${victim.key.secret}`];
  const doubles: readonly Readonly<Record<string, string | string[]>>[] = [
    { authorization: [mine, theirs] },
    { authorization: [theirs, mine] },
    { authorization: mine, 'x-tenant-id': [attacker.tenant.id, victim.tenant.id] },
    { authorization: mine, 'x-tenant-id': [victim.tenant.id, attacker.tenant.id] },
    { authorization: mine, 'x-api-key': victim.key.secret },
  ];
  for (const headers of doubles) {
    const status = await sendTwice(front, '/v1/me', headers);
    if (status < 400) return leaked(`two that disagree were answered ${status}`);
  }
  return held(doubles.length);
}

async function alteredKeys({ front, attacker, victim }: HttpDuel): Promise<Outcome> {
  const theirs = victim.key.secret;
  const [head = '', id = '', ...rest] = theirs.split('_');
  const secret = rest.join('_');
  const other = secret.at(-2) === 'A' ? 'B' : 'A';
  const altered = [
    `${theirs.slice(0, -2)}${other}${theirs.slice(-1)}`,
    `${head}_${id}_${secret.slice(0, 10)}${'A'.repeat(secret.length - 10)}`,
    theirs.slice(0, -4),
    `${head}_${id}_${attacker.key.secret.split('_').slice(2).join('_')}`,
    `${theirs} `,
    `${theirs},${attacker.key.secret}`,
  ];
  for (const key of altered) {
    const { status } = await send(front, { path: '/v1/me', key });
    // A trailing space is no part of a header's value; the genuine key is then what was sent.
    if (status !== 401 && key.trim() !== theirs) return leaked(`an altered key was answered ${status}`);
  }
  return held(altered.length);
}

async function notFoundAlike({ front, attacker, victim }: HttpDuel): Promise<Outcome> {
  let tried = 0;
  for (const method of ['GET', 'PATCH', 'DELETE', 'PUT', 'HEAD', 'OPTIONS']) {
    const ask = (id: string) =>
      send(front, {
        method,
        path: `/v1/documents/${id}`,
        key: attacker.key.secret,
        ...(method === 'PATCH' || method === 'PUT' ? { body: { title: 'probe' } } : {}),
      });
    const [theirs, nobodys] = [await ask(victim.planted.document), await ask(randomUUID())];
    if (withoutRequestId(theirs) !== withoutRequestId(nobodys))
      return leaked(`${method} answers ${theirs.status} and ${nobodys.status}, or in other words`);
    if (namesOf(theirs.headers) !== namesOf(nobodys.headers))
      return leaked(`${method} answers with other headers`);
    tried += 1;
  }
  return held(tried);
}

function namesOf(headers: Headers): string {
  return [...headers.keys()].toSorted().join();
}

async function timing({ front, attacker, victim }: HttpDuel): Promise<Outcome> {
  const ask = (id: string) => async (): Promise<void> => {
    await send(front, { path: `/v1/documents/${id}`, key: attacker.key.secret });
  };
  const verdict = await isSlower(ask(victim.planted.document), ask(randomUUID()));
  return verdict.differs
    ? leaked(`an id of the victim is told from none by its time (${verdict.how})`)
    : held(verdict.rounds);
}

async function caching({ front, attacker, victim }: HttpDuel): Promise<Outcome> {
  const read = await send(front, {
    path: `/v1/documents/${victim.planted.document}`,
    key: victim.key.secret,
  });
  if (read.status !== 200) return untested('the owner cannot read its own document');
  const control = read.headers.get('cache-control') ?? '';
  if (!control.includes('no-store') || control.includes('public'))
    return leaked(`cache-control is "${control}"`);
  const etag = read.headers.get('etag');
  for (const key of [attacker.key.secret, undefined]) {
    const again = await send(front, {
      path: `/v1/documents/${victim.planted.document}`,
      ...(key === undefined ? {} : { key }),
      headers: { 'if-none-match': etag ?? '*', 'if-modified-since': new Date().toUTCString() },
    });
    if (again.status === 304 || again.status < 400)
      return leaked(`a stranger with the ETag is answered ${again.status}`);
  }
  const shared = await send(front, { path: '/v1/documents?limit=5', key: attacker.key.secret });
  const other = await send(front, { path: '/v1/documents?limit=5', key: victim.key.secret });
  const tags = [shared.headers.get('etag'), other.headers.get('etag')];
  if (tags[0] !== null && tags[0] === tags[1]) return leaked('two tenants get the same ETag');
  return shared.headers.has('age') ? leaked('an answer comes from a cache') : held(5);
}

async function errorsAndLogs(duel: HttpDuel): Promise<Outcome> {
  const { front, attacker, victim } = duel;
  const { document, externalId, digest } = victim.planted;
  const answers = [
    await send(front, { path: `/v1/documents/${document}`, key: victim.key.secret }),
    await send(front, {
      method: 'PATCH',
      path: `/v1/documents/${document}`,
      key: attacker.key.secret,
      body: { title: 7 },
    }),
    await send(front, {
      method: 'POST',
      path: '/v1/documents',
      key: attacker.key.secret,
      body: { nonsense: externalId },
    }),
    await send(front, { path: `/v1/documents?cursor=${document}`, key: attacker.key.secret }),
    await send(front, {
      method: 'POST',
      path: '/v1/documents',
      key: victim.key.secret,
      body: { title: 't', content: 'c', externalId },
    }),
    await send(front, { path: '/v1/documents?limit=nine', key: victim.key.secret }),
  ];
  const [read, ...failed] = answers;
  // The owner's answer holds it: that is how we know that the search can find it.
  if (read === undefined || findCanaries(read.text, [digest]).length === 0)
    return untested('the canary was not found where it is');
  const metrics = await send(front, { path: '/metrics' });
  const sinks = {
    log: front.log(),
    metrics: metrics.text,
    problem: failed.map(({ text }) => text).join('\n'),
  };
  for (const [name, text] of Object.entries(sinks))
    if (findCanaries(text, [digest]).length > 0) return leaked(`the canary stands in the ${name}`);
  if ([attacker, victim].some(({ key }) => sinks.log.includes(key.secret)))
    return leaked('a key stands in the log');
  return sinks.log === '' ? untested('nothing was logged') : held(failed.length + 2);
}

async function keepAlive(duel: HttpDuel): Promise<Outcome> {
  const { front, attacker, victim } = duel;
  return await storm(Math.min(duel.storm, 200), async (index) => {
    const own = index % 2 === 0 ? attacker : victim;
    const { status, text } = await send(front, { path: '/v1/me', key: own.key.secret });
    if (status === 503 || status === 429) return undefined;
    return text.includes(own.tenant.id) ? undefined : `a caller got somebody else’s answer (${status})`;
  });
}
