import { createHash, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../../core/clock.ts';
import { BulkheadError } from '../../core/errors.ts';
import type { TenantId } from '../../core/ids.ts';
import type { Placement } from '../../core/placement.ts';
import { SqlError, type AdminDatabase } from '../../drivers/sql.ts';
import { parseContainer, schemaOf } from './container.ts';

interface Capability {
  readonly token: string;
  readonly renewAtMs: number;
  readonly endsAtMs: number;
}

interface Waiting {
  readonly tenant: TenantId;
  readonly token: string;
  readonly resolve: (issued: boolean) => void;
  readonly reject: (cause: unknown) => void;
}

/** Where capabilities of a placement are written: as owner, in the container's own database. */
export type WithIssuer = <T>(placement: Placement, body: (admin: AdminDatabase) => Promise<T>) => Promise<T>;

/** `reads`: a capability that is worth something in a read-only transaction alone. */
export type CapabilityAccess = 'all' | 'reads';

/** Who shall hold it, and where. */
interface Wanted {
  readonly placement: Placement;
  readonly access: CapabilityAccess;
}

export function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

export function newToken(): string {
  return randomBytes(32).toString('hex');
}

/**
 * Tokens that the wall's function resolves to a tenant. One per tenant, container and epoch, kept in memory here and as a
 * SHA-256 in the container. A sealed tenant gets none: the row lock makes sealing and issuing take turns.
 */
export class Capabilities {
  readonly #cached: LRUCache<string, Capability>;
  readonly #issuing = new Map<string, Promise<Capability>>();
  readonly #queues = new Map<string, Waiting[]>();
  readonly #withIssuer: WithIssuer;
  readonly #renewWall: (admin: AdminDatabase) => Promise<void>;
  readonly #clock: Clock;
  readonly #ttlMs: number;

  constructor(options: {
    readonly withIssuer: WithIssuer;
    /** Brings the wall of a database up to this version of Bulkhead. */
    readonly renewWall: (admin: AdminDatabase) => Promise<void>;
    readonly clock: Clock;
    readonly ttlMs: number;
    readonly maxTenants: number;
  }) {
    this.#withIssuer = options.withIssuer;
    this.#renewWall = options.renewWall;
    this.#clock = options.clock;
    this.#ttlMs = options.ttlMs;
    this.#cached = new LRUCache({ max: options.maxTenants });
  }

  /** The token, without waiting where one is cached. A token past half its life is renewed behind the caller's back. */
  token(placement: Placement, access: CapabilityAccess = 'all'): string | Promise<string> {
    const key = keyOf(placement, access);
    const cached = this.#cached.get(key);
    const now = this.#clock.monotonicMs();
    if (cached === undefined || now >= cached.endsAtMs)
      return this.#issueOnce(key, { placement, access }).then(({ token }) => token);
    if (now >= cached.renewAtMs) void this.#issueOnce(key, { placement, access }).catch(() => undefined);
    return cached.token;
  }

  forget(placement: Placement): void {
    this.#cached.delete(keyOf(placement, 'all'));
    this.#cached.delete(keyOf(placement, 'reads'));
  }

  #issueOnce(key: string, wanted: Wanted): Promise<Capability> {
    const running = this.#issuing.get(key);
    if (running !== undefined) return running;
    const issuing = this.#issue(wanted)
      .then((capability) => {
        this.#cached.set(key, capability);
        return capability;
      })
      .finally(() => this.#issuing.delete(key));
    this.#issuing.set(key, issuing);
    return issuing;
  }

  async #issue(wanted: Wanted): Promise<Capability> {
    const token = newToken();
    const now = this.#clock.monotonicMs();
    const issued = await this.#enqueue(wanted, token);
    if (!issued)
      throw new BulkheadError('tenant_inactive', {
        tenant: wanted.placement.tenant,
        reason: 'the store has sealed this tenant, or it does not live there',
      });
    // Nodes stop using a token well before the database does, so that a slow clock never meets an expired one.
    return { token, renewAtMs: now + this.#ttlMs / 2, endsAtMs: now + this.#ttlMs * 0.9 };
  }

  /** Gathers what one turn of the event loop asks for, so that a cold start costs one statement and not thousands. */
  #enqueue(wanted: Wanted, token: string): Promise<boolean> {
    const { placement, access } = wanted;
    const name = `${placement.container} ${access}`;
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { tenant: placement.tenant, token, resolve, reject };
      const queue = this.#queues.get(name);
      if (queue !== undefined) {
        queue.push(waiting);
        return;
      }
      const fresh = [waiting];
      this.#queues.set(name, fresh);
      setImmediate(() => {
        this.#queues.delete(name);
        void this.#write(wanted, fresh);
      });
    });
  }

  async #write({ placement, access }: Wanted, batch: readonly Waiting[]): Promise<void> {
    try {
      const values = [
        batch.map(({ tenant }) => tenant),
        batch.map(({ token }) => digestOf(token).toString('hex')),
        this.#ttlMs,
        schemaOf(parseContainer(placement)),
      ];
      const { rows } = await this.#withIssuer(placement, async (admin) => {
        const issue = () => admin.query<{ tenant_id: string }>(issueSql[access], values);
        try {
          return await issue();
        } catch (cause) {
          // A database of one tenant's own has the wall it was made with, until somebody needs more of it.
          if (!(cause instanceof SqlError && cause.sqlState === undefinedColumn)) throw cause;
          await this.#renewWall(admin);
          return await issue();
        }
      });
      const issued = new Set(rows.map((row) => row.tenant_id));
      for (const { tenant, resolve } of batch) resolve(issued.has(tenant));
    } catch (cause) {
      for (const { reject } of batch) reject(cause);
    }
  }
}

const undefinedColumn = '42703';

// Expired tokens go in passing: each issue removes those of the same tenants, so nothing needs a sweeper.
const toIssueSql = (columns: string, marks: string): string => `
  with asked as (
    select * from unnest($1::uuid[], $2::text[]) as a (tenant_id, digest)
  ), unsealed as (
    select t.tenant_id from bulkhead_wall.tenant t
      where t.tenant_id = any ($1::uuid[]) and t.schema_name = $4 and not t.sealed
      order by t.tenant_id
      for share
  ), expired as (
    delete from bulkhead_wall.capability c where c.tenant_id = any ($1::uuid[]) and c.expires_at <= statement_timestamp()
  )
  insert into bulkhead_wall.capability (digest, tenant_id, schema_name, expires_at${columns})
    select decode(asked.digest, 'hex'), asked.tenant_id, $4, statement_timestamp() + $3 * interval '1 millisecond'${marks}
    from asked join unsealed using (tenant_id)
    returning tenant_id`;

const issueSql: Readonly<Record<CapabilityAccess, string>> = {
  all: toIssueSql('', ''),
  reads: toIssueSql(', reads_only', ', true'),
};

function keyOf(placement: Placement, access: CapabilityAccess): string {
  return `${placement.tenant} ${placement.container} ${access}`;
}
