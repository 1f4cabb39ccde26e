import { randomBytes } from 'node:crypto';
import { systemClock } from '../../src/core/clock.ts';
import { newKeyId, newRequestId, newTenantId, parseSlug } from '../../src/core/ids.ts';
import type { Slug, TenantId } from '../../src/core/ids.ts';
import { defaultGovernor } from '../../src/core/plan.ts';
import type { Plan } from '../../src/core/plan.ts';
import { allowed, refused } from '../../src/core/verdict.ts';
import type { ApiKey, AuditEvent, ResolvedTenant } from '../../src/registry/registry.ts';
import type { Call, CallHeaders } from '../../src/request/call.ts';
import type { HintSource } from '../../src/request/hints.ts';
import type { DoorNode } from '../../src/request/middleware/door.ts';

const plan: Plan = {
  id: 'free',
  name: 'Free',
  aliases: [],
  isolations: ['shared'],
  defaultIsolation: 'shared',
  features: [],
  governor: defaultGovernor,
  quotas: {},
  rates: { perMinute: 60, perDay: 1_000, burst: 10 },
  connections: 2,
  priceUsd: '0.00',
};

/** The request path's view of a registry, in memory. The real one is tested over HTTP. */
export class FakeRegistry {
  readonly tenants = new Map<TenantId, ResolvedTenant>();
  readonly domains = new Map<string, TenantId>();
  readonly keys = new Map<string, ApiKey>();
  readonly repeated: (Omit<AuditEvent, 'at'> & { readonly name: string })[] = [];
  readonly events: Omit<AuditEvent, 'at'>[] = [];
  /** How often something was asked for that a database would have been asked for. */
  loads = 0;
  /** Cold: answers come as promises, as after a cache miss. */
  warm = true;
  stale = false;

  add(slug: string, fields: Partial<ResolvedTenant> = {}): { tenant: ResolvedTenant; secret: string } {
    const id = newTenantId();
    const tenant: ResolvedTenant = {
      id,
      slug: parseSlug(slug) as Slug,
      name: slug,
      plan: plan.id,
      state: 'active',
      isolation: 'shared',
      region: undefined,
      parent: undefined,
      features: [],
      settings: {},
      encryptionKeyId: 'k',
      umbrella: [],
      placements: [{ tenant: id, compartment: 'rows', isolation: 'shared', container: 'main:shared' }],
      epoch: 1,
      erasesAt: undefined,
      createdAt: new Date(0),
      updatedAt: new Date(0),
      planDetail: plan,
      effectiveFeatures: new Set(['export']),
      ...fields,
    };
    this.tenants.set(id, tenant);
    return { tenant, secret: this.issue(id) };
  }

  issue(tenant: TenantId): string {
    const id = newKeyId();
    const secret = `bh_${id}_${randomBytes(32).toString('base64url')}`;
    this.keys.set(secret, {
      id,
      tenant,
      name: 'test',
      createdAt: new Date(0),
      expiresAt: undefined,
      revokedAt: undefined,
      lastUsedAt: undefined,
      replacedBy: undefined,
    });
    return secret;
  }

  change(id: TenantId, fields: Partial<ResolvedTenant>): void {
    const tenant = this.tenants.get(id);
    if (tenant !== undefined) this.tenants.set(id, { ...tenant, ...fields });
  }

  node(config: Partial<DoorNode['config']> = {}): DoorNode {
    return {
      clock: systemClock,
      lifecycle: { backfillSoon: () => {} },
      config: {
        hints: ['subdomain', 'path', 'header'] satisfies readonly HintSource[],
        baseDomain: 'example.com',
        tenantHeaderInResponse: false,
        ...config,
      },
      registry: {
        directory: {
          peek: (id) => (this.warm ? this.tenants.get(id) : undefined),
          byId: (id) => this.#load(() => this.tenants.get(id)),
          domains: () => this.domains,
          bySlug: (slug) => this.#load(() => this.tenants.values().find((tenant) => tenant.slug === slug)),
          fresh: (id) => this.#load(() => this.tenants.get(id)),
        },
        keys: {
          verify: (secret) => (this.warm ? this.#verify(secret) : this.#load(() => this.#verify(secret))),
          issue: notHere,
          list: notHere,
          rotate: notHere,
          revoke: notHere,
        },
        audit: {
          record: (event) => {
            this.events.push(event);
          },
          recordRepeated: (name, event) => void this.repeated.push({ name, ...event }),
          flush: notHere,
          list: notHere,
        },
      },
    };
  }

  #verify(secret: string) {
    const key = this.keys.get(secret);
    if (key === undefined || key.revokedAt !== undefined) return refused('unauthenticated');
    return allowed(key);
  }

  async #load<Value>(read: () => Value): Promise<Value> {
    this.loads += 1;
    await new Promise((resolve) => {
      setTimeout(resolve, 1);
    });
    if (this.stale) throw new Error('the registry does not answer');
    return read();
  }
}

function notHere(): never {
  throw new Error('the request path has no business here');
}

export function newCall(headers: Partial<CallHeaders> = {}, url = '/v1/documents'): Call {
  return {
    url,
    headers: {
      authorization: undefined,
      'x-api-key': undefined,
      'x-tenant-id': undefined,
      host: 'api.example.com',
      repeated: undefined,
      ...headers,
    },
    requestId: newRequestId(),
    signal: new AbortController().signal,
  };
}
