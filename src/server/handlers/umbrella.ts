import type { Bulkhead } from '../../bulkhead.ts';
import type { ChildView, GrantView } from '../../client/schemas/umbrella.ts';
import type { Clock } from '../../core/clock.ts';
import { BulkheadError } from '../../core/errors.ts';
import type { TenantId } from '../../core/ids.ts';
import { tenantScope, type Scope } from '../../core/scope.ts';
import type { Tenant } from '../../core/tenant.ts';
import type { ReadableTenant, UmbrellaRecord } from '../../registry/umbrella.ts';
import { readParents } from '../../request/parents.ts';
import { toError } from '../../request/refusal.ts';
import { parseExpiry } from '../expiry.ts';
import { invalidInput } from '../validate.ts';
import { createDocumentHandlers } from './documents.ts';
import { findTenant } from './find-tenant.ts';
import type { OperatorHandlers, TenantHandlers } from './handler.ts';

const dayMs = 24 * 3_600_000;
const defaultDays = 30;
const maxDays = 366;

type GrantHandlers = Pick<OperatorHandlers, 'createGrant' | 'listGrants' | 'revokeGrant'>;

/** For the operator: who may read whom. */
export function createGrantHandlers({ registry, clock }: Bulkhead): GrantHandlers {
  const { tenants, umbrella } = registry;
  return {
    async createGrant({ params, body }, actor) {
      const { id: reader } = await findTenant(tenants, params.tenant);
      const child = body.child === undefined ? undefined : (await findChild(tenants, body.child)).id;
      const expiresAt = toEnd(body.expiresAt, clock);
      return toGrantView(await umbrella.grant({ reader, child, expiresAt }, actor));
    },

    async listGrants({ params }) {
      const { id } = await findTenant(tenants, params.tenant);
      return { items: (await umbrella.list(id)).map(toGrantView) };
    },

    async revokeGrant({ params }, actor) {
      const { id: tenant } = await findTenant(tenants, params.tenant);
      return toGrantView(await umbrella.revoke({ id: params.grant, side: 'reader', tenant }, actor));
    },
  };
}

type UmbrellaHandlers = Pick<
  TenantHandlers,
  | 'listChildren'
  | 'listChildDocuments'
  | 'getChildDocument'
  | 'createOwnGrant'
  | 'listOwnGrants'
  | 'revokeOwnGrant'
>;

/** For a tenant: what it may read of those below, and who above may read it. */
export function createUmbrellaHandlers(bulkhead: Bulkhead): UmbrellaHandlers {
  const { registry, clock, umbrella } = bulkhead;
  const documents = createDocumentHandlers(bulkhead);
  const inside = async <T>(scope: Scope, child: string, read: (child: Scope) => Promise<T>): Promise<T> =>
    await tenantScope(await umbrella.open(scope, child), read);
  return {
    async listChildren({ query }, { scope }) {
      const page = await umbrella.children(scope, query);
      return { items: page.tenants.map(toChildView), nextCursor: page.nextCursor ?? null };
    },

    listChildDocuments: ({ params, query }, { scope, key }) =>
      inside(scope, params.child, (child) =>
        documents.listDocuments(
          { params: {}, query, body: undefined },
          { scope: child, key, reserved: undefined },
        ),
      ),

    getChildDocument: ({ params: { child: named, document } }, { scope, key }) =>
      inside(scope, named, (child) =>
        documents.getDocument(
          { params: { document }, query: undefined, body: undefined },
          { scope: child, key, reserved: undefined },
        ),
      ),

    async createOwnGrant({ body }, { scope }) {
      const reader = await findAbove(registry, scope, body.reader);
      const expiresAt = toEnd(body.expiresAt, clock);
      const grant = { reader, child: scope.tenantId, expiresAt };
      return toGrantView(await registry.umbrella.grant(grant, scope.actor));
    },

    async listOwnGrants(_input, { scope }) {
      return { items: (await registry.umbrella.list(scope.tenantId)).map(toGrantView) };
    },

    async revokeOwnGrant({ params }, { scope }) {
      const grant = { id: params.grant, side: 'child', tenant: scope.tenantId } as const;
      return toGrantView(await registry.umbrella.revoke(grant, scope.actor));
    },
  };
}

function toEnd(raw: string | undefined, clock: Clock): Date {
  const expiresAt = parseExpiry(raw, clock) ?? new Date(clock.nowMs() + defaultDays * dayMs);
  if (expiresAt.getTime() > clock.nowMs() + maxDays * dayMs)
    throw invalidInput([{ field: 'expiresAt', reason: `is more than ${maxDays} days ahead` }]);
  return expiresAt;
}

/** @throws hierarchy_refused, as for one that is somewhere else */
async function findChild(tenants: Bulkhead['registry']['tenants'], named: string): Promise<Tenant> {
  try {
    return await findTenant(tenants, named);
  } catch (cause) {
    throw new BulkheadError(
      'hierarchy_refused',
      { field: 'child', reason: 'there is no such tenant' },
      { cause },
    );
  }
}

/** Only among those above is a name looked for: a tenant learns nothing of others by naming them. */
async function findAbove(
  { directory }: Bulkhead['registry'],
  scope: Scope,
  named: string | undefined,
): Promise<TenantId> {
  const tenant = directory.peek(scope.tenantId) ?? (await directory.byId(scope.tenantId));
  const parents = await readParents({ parent: tenant?.parent }, directory);
  if (parents.kind === 'refused') throw toError(parents);
  const found =
    named === undefined
      ? parents.value[0]
      : parents.value.find(({ id, slug }) => named === id || named === slug);
  if (found === undefined)
    throw new BulkheadError('hierarchy_refused', {
      field: 'reader',
      reason: 'no tenant of this name is above this one',
    });
  return found.id;
}

function toGrantView(record: UmbrellaRecord): GrantView {
  const { id, reader, child, actor, createdAt, expiresAt, revokedAt } = record;
  return {
    id,
    reader,
    child: child ?? null,
    grantedBy: `${actor.kind}:${actor.id}`,
    createdAt: createdAt.toISOString(),
    expiresAt: expiresAt.toISOString(),
    revokedAt: revokedAt?.toISOString() ?? null,
  };
}

function toChildView({ id, slug, name, state, depth, grant, expiresAt }: ReadableTenant): ChildView {
  return { id, slug, name, state, depth, grant, grantExpiresAt: expiresAt.toISOString() };
}
