import { randomUUID } from 'node:crypto';
import { findCanaries } from '../../../core/canary.ts';
import {
  held,
  leaked,
  notCovered,
  untested,
  type AttackCase,
  type Duel,
  type Outcome,
} from '../attack-case.ts';
import type { Front } from '../node.ts';
import { fillPath, parametersOf, readRoutes, type DescribedRoute } from './description.ts';
import { send, withoutRequestId, type Answer } from './send.ts';

/** A duel with a server to talk to. */
export type HttpDuel = Duel & { readonly front: Front };

export type HttpCase = Omit<AttackCase, 'run'> & { run(duel: HttpDuel): Promise<Outcome> };

/** Every route there is, replayed with another tenant's ids and another tenant's key. */
export const routeAttacks: readonly HttpCase[] = [
  {
    id: 'http/foreign-ids',
    attacks: ['A64', 'A71'],
    how: 'every tenant route of /openapi.json with the victim’s ids and the attacker’s key; answers as for ids that never were',
    run: foreignIds,
  },
  {
    id: 'http/foreign-tenant',
    attacks: ['A61', 'A64'],
    how: 'every tenant route with the attacker’s key, naming the victim in X-Tenant-ID',
    run: foreignTenant,
  },
  {
    id: 'http/control-plane',
    attacks: ['A64'],
    how: 'every operator route about the victim, with the attacker’s key and with none',
    run: controlPlane,
  },
  {
    id: 'http/no-key',
    attacks: ['A64'],
    how: 'every tenant route with the victim’s ids and without a key',
    run: noKey,
  },
  {
    id: 'http/lists',
    attacks: ['A66'],
    how: 'lists, filters, sorting and prefixes that would show, count or confirm the victim’s documents',
    run: lists,
  },
];

/** Things of the victim that a path may name: what its own lists show, and what was planted. */
async function victimsIds(
  { front, victim }: HttpDuel,
  routes: readonly DescribedRoute[],
): Promise<Readonly<Record<string, string>>> {
  const ids: Record<string, string> = {
    document: victim.planted.document,
    tenant: victim.tenant.slug,
    key: victim.key.id,
  };
  for (const { template } of routes) {
    const last = parametersOf(template).at(-1);
    if (last === undefined || ids[last] !== undefined) continue;
    const collection = template.slice(0, template.indexOf(`/{${last}}`));
    if (!routes.some((route) => route.method === 'GET' && route.template === collection)) continue;
    const { text } = await send(front, { path: fillPath(collection, ids), key: victim.key.secret });
    const id = firstId(text);
    if (id !== undefined) ids[last] = id;
  }
  return ids;
}

function firstId(text: string): string | undefined {
  try {
    const { items } = JSON.parse(text) as { items?: readonly { id?: unknown }[] };
    const id = items?.[0]?.id;
    return typeof id === 'string' ? id : undefined;
  } catch {
    return undefined;
  }
}

async function foreignIds(duel: HttpDuel): Promise<Outcome> {
  const { front, attacker } = duel;
  const routes = (await readRoutes(front)).filter(({ plane }) => plane === 'tenant');
  const ids = await victimsIds(duel, routes);
  const named = routes.filter(({ template }) => parametersOf(template).length > 0);
  const unknown = named.filter(({ template }) =>
    parametersOf(template).some((name) => ids[name] === undefined),
  );
  let tried = 0;
  for (const { id, method, template, body } of named) {
    const ask = (values: Readonly<Record<string, string>>): Promise<Answer> =>
      send(front, { method, path: fillPath(template, values), key: attacker.key.secret, body });
    const theirs = await ask(ids);
    const nobodys = await ask({ ...neverWere(template), tenant: `nobody-${randomUUID().slice(0, 8)}` });
    const problem =
      tells(duel, theirs) ?? (theirs.status < 400 ? `${id} answered ${theirs.status}` : undefined);
    if (problem !== undefined) return leaked(problem);
    if (withoutRequestId(theirs) !== withoutRequestId(nobodys))
      return leaked(
        `${id} answers ${theirs.status} for what is the victim’s and ${nobodys.status} for what is nobody’s`,
      );
    tried += 1;
  }
  const still = await send(front, { path: `/v1/documents/${ids['document']}`, key: duel.victim.key.secret });
  if (still.status !== 200 && still.status !== 404)
    return untested(`the victim’s own request was answered ${still.status}`);
  if (still.status === 404 || !still.text.includes('"title":"canary"'))
    return leaked('the victim’s document was changed or is gone');
  if (tried === 0) return untested('no route names anything');
  return unknown.length === named.length
    ? untested('the victim has nothing that a path could name')
    : held(tried);
}

function neverWere(template: string): Readonly<Record<string, string>> {
  return Object.fromEntries(parametersOf(template).map((name) => [name, randomUUID()]));
}

/** What an answer must never hold, whatever its status. */
function tells({ victim, attacker }: HttpDuel, answer: Answer): string | undefined {
  if (findCanaries(answer.text, [victim.planted.digest]).length > 0) return 'an answer holds the canary';
  const sent = [victim.tenant.id, victim.tenant.slug].some((named) => answer.text.includes(named));
  return sent && !answer.text.includes(attacker.tenant.id) ? 'an answer names the victim' : undefined;
}

async function foreignTenant(duel: HttpDuel): Promise<Outcome> {
  const { front, attacker, victim } = duel;
  const routes = (await readRoutes(front)).filter(({ plane }) => plane === 'tenant');
  const ids = await victimsIds(duel, routes);
  for (const { id, method, template, body } of routes) {
    for (const named of [victim.tenant.id, victim.tenant.slug]) {
      const answer = await send(front, {
        method,
        path: fillPath(template, ids),
        key: attacker.key.secret,
        headers: { 'x-tenant-id': named },
        body,
      });
      const problem = tells(duel, answer);
      if (problem !== undefined || answer.status < 400)
        return leaked(
          problem ?? `${id} answered ${answer.status} to a key of one tenant and the name of another`,
        );
    }
  }
  return routes.length === 0 ? untested('no tenant route is described') : held(routes.length * 2);
}

async function controlPlane(duel: HttpDuel): Promise<Outcome> {
  const { front, attacker } = duel;
  const all = await readRoutes(front);
  const routes = all.filter(({ plane }) => plane === 'operator');
  const ids = await victimsIds(duel, all);
  for (const { id, method, template, body } of routes) {
    for (const key of [attacker.key.secret, undefined]) {
      const answer = await send(front, {
        method,
        path: fillPath(template, ids),
        ...(key === undefined ? {} : { key }),
        body,
      });
      if (answer.status !== 401)
        return leaked(`${id} answered ${answer.status} without the operator’s token`);
      const problem = tells(duel, answer);
      if (problem !== undefined) return leaked(problem);
    }
  }
  return routes.length === 0 ? notCovered('no operator route is described') : held(routes.length * 2);
}

async function noKey(duel: HttpDuel): Promise<Outcome> {
  const { front } = duel;
  const routes = (await readRoutes(front)).filter(({ plane }) => plane === 'tenant');
  const ids = await victimsIds(duel, routes);
  for (const { id, method, template, body } of routes) {
    const answer = await send(front, { method, path: fillPath(template, ids), body });
    if (answer.status !== 401) return leaked(`${id} answered ${answer.status} without a key`);
  }
  return held(routes.length);
}

async function lists(duel: HttpDuel): Promise<Outcome> {
  const { front, attacker, victim } = duel;
  const queries = [
    'limit=200',
    'sort=title',
    'sort=-createdAt',
    'titleStartsWith=canary',
    `externalId=${encodeURIComponent(victim.planted.externalId)}`,
    `tenant=${victim.tenant.slug}`,
    `tenant_id=${victim.tenant.id}`,
    'titleStartsWith=%25',
  ];
  for (const query of queries) {
    const answer = await send(front, { path: `/v1/documents?${query}`, key: attacker.key.secret });
    if (answer.text.includes(victim.planted.document)) return leaked(`?${query} shows the victim’s document`);
    const problem = tells(duel, answer);
    if (problem !== undefined) return leaked(problem);
  }
  const own = await send(front, { path: '/v1/documents?limit=200', key: attacker.key.secret });
  // The list itself must work: else not finding the victim in it would say nothing.
  return own.text.includes(attacker.planted.document)
    ? held(queries.length)
    : untested('the attacker does not see its own document');
}
