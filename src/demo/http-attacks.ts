import { randomUUID } from 'node:crypto';
import { createServer } from '../server/index.ts';
import { held, leaked, type AttackLog, type Outcome } from './attack-log.ts';
import { ring, type Battlefield } from './library-attacks.ts';
import { demoActor, type DemoTenant } from './tenants.ts';
import type { StoredDocument } from './work.ts';

interface Answer {
  readonly status: number;
  readonly text: string;
}

type Send = (
  path: string,
  init?: { readonly method?: string; readonly headers?: Record<string, string>; readonly body?: string },
) => Promise<Answer>;

/** The same from outside: real requests, a real port, a valid key of the wrong tenant. */
export async function attackOverHttp(field: Battlefield): Promise<void> {
  const server = createServer(field.node, { logTo: { write: () => {} } });
  try {
    const url = await server.listen({ host: '127.0.0.1', port: 0 });
    for (const [attacker, victim] of ring(field.tenants)) {
      const stolen = field.documents.get(victim.name)?.[0];
      if (stolen === undefined) continue;
      const { secret } = await field.node.registry.keys.issue(
        { tenant: attacker.tenant.id, name: 'demo', expiresAt: undefined },
        demoActor,
      );
      await attackOne(field, { victim, stolen, secret, url });
      field.tried();
    }
  } finally {
    // The server alone: closing it in order would close the node as well, and the tenants are still to be removed.
    await server.app.close();
  }
}

interface HttpAttack {
  readonly victim: DemoTenant;
  readonly stolen: StoredDocument;
  readonly secret: string;
  readonly url: string;
}

async function attackOne(
  { documents, log }: Battlefield,
  { victim, stolen, secret, url }: HttpAttack,
): Promise<void> {
  const send = sender(url);
  const key = { authorization: `Bearer ${secret}` };
  const foreign = `/v1/documents/${stolen.id}`;
  const nothing = `/v1/documents/${randomUUID()}`;
  const change = {
    headers: { ...key, 'content-type': 'application/json' },
    method: 'PATCH',
    body: '{"title":"taken"}',
  };
  await sameAsNothing(log, 'GET another tenant’s document', () => [
    send(foreign, { headers: key }),
    send(nothing, { headers: key }),
  ]);
  await sameAsNothing(log, 'PATCH it', () => [send(foreign, change), send(nothing, change)]);
  const remove = { headers: key, method: 'DELETE' };
  await sameAsNothing(log, 'DELETE it', () => [send(foreign, remove), send(nothing, remove)]);
  await log.try('http', 'find it in one’s own list', async () => {
    const { status, text } = await send('/v1/documents?limit=200', { headers: key });
    const others = documents.get(victim.name) ?? [];
    if (status !== 200) throw new Error(`the list answered ${status}`);
    return others.some(({ id }) => text.includes(id)) ? leaked('a foreign id is in the list') : held;
  });
  await refusedWith(log, 'name another tenant in X-Tenant-ID', 403, () =>
    send('/v1/documents', { headers: { ...key, 'x-tenant-id': victim.tenant.id } }),
  );
  await refusedWith(log, 'alter one character of a key', 401, () =>
    send('/v1/documents', { headers: { authorization: `Bearer ${altered(secret)}` } }),
  );
  await refusedWith(log, 'send no key', 401, () => send('/v1/documents'));
  await refusedWith(log, 'open the control plane with a tenant’s key', 401, () =>
    send(`/v1/tenants/${victim.tenant.id}`, { headers: key }),
  );
}

function sender(url: string): Send {
  return async (path, init = {}) => {
    const response = await fetch(new URL(path, url), init);
    return { status: response.status, text: await response.text() };
  };
}

/** A foreign document must answer exactly as one that never was: even a difference in words would tell that it exists. */
async function sameAsNothing(
  log: AttackLog,
  attack: string,
  both: () => readonly [Promise<Answer>, Promise<Answer>],
): Promise<void> {
  await log.try('http', attack, async (): Promise<Outcome> => {
    const [foreign, nothing] = await Promise.all(both());
    if (foreign.status !== 404) return leaked(`answered ${foreign.status}`);
    return withoutRequestId(foreign.text) === withoutRequestId(nothing.text)
      ? held
      : leaked('answers differently from a document that never was');
  });
}

async function refusedWith(
  log: AttackLog,
  attack: string,
  status: number,
  request: () => Promise<Answer>,
): Promise<void> {
  await log.try('http', attack, async (): Promise<Outcome> => {
    const answer = await request();
    if (answer.status < 400) return leaked(`answered ${answer.status}`);
    if (answer.status !== status) throw new Error(`answered ${answer.status} instead of ${status}`);
    return held;
  });
}

/** The request's own id is the one thing in which two equal answers differ. */
function withoutRequestId(body: string): string {
  const { requestId } = JSON.parse(body) as { requestId?: string };
  return requestId === undefined ? body : body.replaceAll(requestId, '');
}

function altered(secret: string): string {
  const last = secret.at(-1) === 'A' ? 'B' : 'A';
  return secret.slice(0, -1) + last;
}
