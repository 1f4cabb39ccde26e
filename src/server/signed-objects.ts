import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Bulkhead } from '../bulkhead.ts';
import type { ObjectsHandle } from '../compartments/objects/objects.ts';
import type { VerifiedUrl } from '../compartments/objects/signed-url.ts';
import { BulkheadError } from '../core/errors.ts';
import { newRequestId, parseRequestId } from '../core/ids.ts';
import { tenantScope, type Actor, type Scope } from '../core/scope.ts';
import { refused } from '../core/verdict.ts';
import { admit, createAdmissionChecks } from '../request/admit.ts';
import type { Entry } from '../request/path.ts';
import { toError } from '../request/refusal.ts';
import { openTenantScope } from '../request/scope.ts';
import { toObjectView } from './handlers/objects.ts';
import { acceptBytes, readUpload, sendDownload } from './route.ts';

const holder: Actor = Object.freeze({ kind: 'system', id: 'signed-url' });
const path = '/v1/objects/signed/:tenant/:object';
const headers = { 'cache-control': 'private, no-store', 'x-content-type-options': 'nosniff' };

/**
 * Objects for whoever holds a signed URL: the signature stands for a credential. It says which tenant; whether that tenant is
 * served is asked of the registry as for any request, so that suspending it ends its URLs.
 */
export function addSignedObjects(app: FastifyInstance, bulkhead: Bulkhead): void {
  const enter = async (
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<{ allowed: VerifiedUrl; scope: Scope }> => {
    const { tenant = '', object = '' } = request.params as { tenant?: string; object?: string };
    const query = request.query as Readonly<Record<string, unknown>>;
    const allowed = bulkhead.objects.verifyUrl({ method: request.method, tenant, object, query });
    const scope = await openScope(bulkhead, allowed, request);
    meterAfterwards(bulkhead, toEntry(scope), reply);
    return { allowed, scope };
  };
  const serve = async <T>(scope: Scope, work: (objects: ObjectsHandle) => Promise<T>): Promise<T> =>
    await tenantScope(scope, async () => await work(await bulkhead.objects.open(scope)));

  void app.register((plane, _options, done) => {
    acceptBytes(plane);
    plane.get(path, async (request, reply): Promise<FastifyReply> => {
      const { allowed, scope } = await enter(request, reply);
      const opened = await serve(scope, (objects) => objects.get({ id: allowed.id }));
      if (opened === undefined) throw new BulkheadError('not_found');
      return sendDownload(reply.headers(headers), opened);
    });
    plane.put(path, async (request, reply): Promise<FastifyReply> => {
      const { allowed, scope } = await enter(request, reply);
      if (allowed.method !== 'PUT') throw new BulkheadError('signature_refused');
      const { contentType = 'application/octet-stream', content } = readUpload(request);
      if (allowed.contentType !== undefined && allowed.contentType !== contentType)
        throw new BulkheadError('signature_refused', { reason: 'the URL is for another content type' });
      const limit = allowed.maxBytes === undefined ? {} : { maxBytes: allowed.maxBytes };
      const stored = await serve(scope, (objects) =>
        objects.put(allowed.name, content, { contentType, ...limit }),
      );
      return reply
        .headers({ ...headers, 'content-type': 'application/json; charset=utf-8' })
        .send(JSON.stringify(toObjectView(stored)));
    });
    done();
  });
}

/** @throws tenant_inactive; signature_refused for a tenant that is gone: it answers like one that never was */
async function openScope(
  bulkhead: Bulkhead,
  { tenant: id }: VerifiedUrl,
  request: FastifyRequest,
): Promise<Scope> {
  const { directory } = bulkhead.registry;
  const tenant = directory.peek(id) ?? (await directory.byId(id));
  if (tenant === undefined) throw new BulkheadError('signature_refused');
  const visit = { actor: holder, keyId: undefined, url: request.raw.url ?? '', headers: {} };
  const verdict = await admit(tenant, [...createAdmissionChecks(directory), ...bulkhead.checks], visit);
  if (verdict.kind === 'refused') throw toError(verdict);
  return openTenantScope(tenant, {
    actor: holder,
    requestId: parseRequestId(request.id) ?? newRequestId(),
    signal: request.signal,
  });
}

/** What is done by a signed URL is its tenant's use like any other. */
function meterAfterwards(bulkhead: Bulkhead, entry: Entry, reply: FastifyReply): void {
  const startedMs = bulkhead.clock.monotonicMs();
  reply.raw.once('close', () => {
    const complete = reply.raw.writableFinished;
    const sizeBytes = Number(reply.getHeader('content-length') ?? 0);
    const durationMs = bulkhead.clock.monotonicMs() - startedMs;
    const status = complete ? 'served' : 'aborted';
    for (const meter of bulkhead.meters)
      meter(entry, { status, durationMs, ...(complete ? { sizeBytes } : {}) });
  });
}

function toEntry(scope: Scope): Entry {
  return {
    scope,
    principal: {
      kind: 'signed_url',
      actor: holder,
      tenants: [scope.tenantId],
      key: undefined,
      verifyAgain: () => refused('signature_refused'),
    },
    headers: {},
    overheadMs: 0,
  };
}
