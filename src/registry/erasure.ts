import type { Slug, TenantId } from '../core/ids.ts';
import type { Actor } from '../core/scope.ts';

/** A line of the ledger: from then on there must be nothing of this tenant anywhere, whatever is restored. */
export interface Erasure {
  readonly tenant: TenantId;
  readonly slug: Slug;
  readonly operation: string;
  readonly actor: Actor;
  readonly at: Date;
  /** Ed25519 over `toErasureText`, by this installation. */
  readonly signature: string;
}

export interface StoredReceipt {
  readonly operation: string;
  readonly tenant: TenantId;
  readonly state: 'partial' | 'complete';
  /** JSON, as it was signed. */
  readonly body: string;
  readonly signature: string;
  readonly at: Date;
}

/** Rows of the registry about one tenant, by table. */
export interface RegistryTraces {
  /** To be 0 after an erasure. */
  readonly left: Readonly<Record<string, number>>;
  readonly kept: Readonly<Record<string, number>>;
}

export interface ErasureStore {
  /** Idempotent: the first entry of a tenant stays. Database time. */
  enter(
    erasure: { readonly tenant: TenantId; readonly slug: Slug; readonly operation: string },
    actor: Actor,
  ): Promise<Erasure>;
  /**
   * Takes up entries that a copy of the ledger has kept. @returns those that were not known
   * @throws request_invalid where one was not signed by this installation; then none is taken
   */
  adopt(erasures: readonly Erasure[]): Promise<readonly Erasure[]>;
  read(tenant: TenantId): Promise<Erasure | undefined>;
  /** Oldest first, after the one given. */
  list(query: { readonly after?: Erasure | undefined; readonly limit: number }): Promise<readonly Erasure[]>;
  count(): Promise<number>;
  /** Tenants of the ledger that the registry has alive, or has never heard of: it was restored. */
  resurrected(limit: number): Promise<readonly Erasure[]>;
  /** A tombstone for one the registry has never heard of, so that neither its id nor its slug is given out. */
  entomb(erasure: Erasure, actor: Actor): Promise<void>;
  /** Tenants whose retention has ended by the database's clock, with no child left and nothing running on them. */
  due(limit: number): Promise<readonly TenantId[]>;
  /** Whether it is, by the same clock. */
  isDue(tenant: TenantId): Promise<boolean>;
  /** API keys and secrets, gone for good. @returns how many of each */
  dropCredentials(tenant: TenantId): Promise<{ readonly apiKeys: number; readonly secrets: number }>;
  /**
   * Rows that came after the tenant was gone: nodes write down what was used, and count it, in batches.
   * @param of every tenant of the ledger that is deleted, or one. @returns how many rows were removed
   */
  sweep(of: TenantId | 'everyone'): Promise<number>;
  traces(tenant: TenantId): Promise<RegistryTraces>;
  /** @throws conflict where a complete receipt of the operation is there already */
  putReceipt(receipt: Omit<StoredReceipt, 'at'>): Promise<void>;
  /** The latest of the tenant. */
  receipt(tenant: TenantId): Promise<StoredReceipt | undefined>;
}

/** What is signed of an entry: every field, one spelling each. */
export function toErasureText({ tenant, slug, operation, actor, at }: Omit<Erasure, 'signature'>): string {
  return JSON.stringify([
    'bulkhead erasure 1',
    tenant,
    slug,
    operation,
    actor.kind,
    actor.id,
    at.toISOString(),
  ]);
}
