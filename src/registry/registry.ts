import type { VerificationStore } from './verifications.ts';
import type { KeyId, RequestId, Slug, TenantId } from '../core/ids.ts';
import type { CompartmentKind, Isolation, Placement } from '../core/placement.ts';
import type { Plan } from '../core/plan.ts';
import type { Actor } from '../core/scope.ts';
import type { Tenant, TenantEvent, TenantState } from '../core/tenant.ts';
import type { Verdict } from '../core/verdict.ts';
import type { ErasureStore } from './erasure.ts';
import type { BackupStore } from './backup.ts';
import type { FeatureLevel } from './features.ts';
import type { DomainStore } from './domains.ts';
import type { IdempotencyStore } from './idempotency.ts';
import type { OperationStore } from './operation.ts';
import type { PlacementSwitch } from './placement-switch.ts';
import type { SettingKind } from './setting-value.ts';
import type { Signer } from './signer.ts';
import type { UmbrellaStore } from './umbrella.ts';

export type { Erasure, ErasureStore, StoredReceipt } from './erasure.ts';
export type { Backup, BackupStore } from './backup.ts';
export type { Operation, OperationStore } from './operation.ts';
export type { Signer } from './signer.ts';

/** A tenant with everything admission needs, as the cache holds it: plan resolved, features united. */
export interface ResolvedTenant extends Tenant {
  readonly planDetail: Plan;
  readonly effectiveFeatures: ReadonlySet<string>;
}

/**
 * Tenants as the request path reads them: cached for five minutes, one load in flight per tenant, bounded.
 * An answer is never older than `maxStaleMs` (1 s) relative to the last change the node has seen confirmed:
 * a node that cannot confirm throws `registry_stale` rather than allow on what it remembers.
 */
export interface TenantDirectory {
  /** The cached tenant while it may be believed; undefined = ask `byId`. No I/O. */
  peek(id: TenantId): ResolvedTenant | undefined;
  byId(id: TenantId): Promise<ResolvedTenant | undefined>;
  /** Verified host names and whose they are. No I/O and no promise while what is known may be believed. */
  domains(): ReadonlyMap<string, TenantId> | Promise<ReadonlyMap<string, TenantId>>;
  bySlug(slug: Slug): Promise<ResolvedTenant | undefined>;
  /** Past the cache, for the moments where a second matters (issuing a capability). */
  fresh(id: TenantId): Promise<ResolvedTenant | undefined>;
}

export interface NewTenant {
  readonly id: TenantId;
  readonly slug: Slug;
  readonly name: string;
  readonly plan: string;
  readonly isolation: Isolation;
  readonly region: string | undefined;
  readonly parent: TenantId | undefined;
  readonly features: readonly string[];
  readonly settings: Readonly<Record<string, unknown>>;
}

export interface TenantPage {
  readonly tenants: readonly Tenant[];
  /** Pass to get the next page; undefined = the end. */
  readonly nextCursor: string | undefined;
}

/** Writes to tenants; each commits together with its entry in the change feed and the audit trail. */
export interface TenantStore {
  /** State `provisioning`. @throws slug_taken, plan_unknown, hierarchy_refused */
  insert(tenant: NewTenant, actor: Actor): Promise<Tenant>;
  read(id: TenantId): Promise<Tenant | undefined>;
  readBySlug(slug: Slug): Promise<Tenant | undefined>;
  list(query: {
    readonly limit: number;
    readonly cursor?: string | undefined;
    readonly state?: TenantState | undefined;
  }): Promise<TenantPage>;
  children(id: TenantId): Promise<readonly Tenant[]>;
  /**
   * Active and suspended tenants without a place in the compartment, to whom nothing is being done now. Those whose own
   * backfill failed less than `restMs` ago are left out, unless only the store did not answer.
   */
  lacking(
    compartment: CompartmentKind,
    query: { readonly restMs: number; readonly limit: number },
  ): Promise<readonly TenantId[]>;
  /** Compare-and-set over the lifecycle table. @throws transition_refused, tenant_not_found */
  transition(id: TenantId, event: TenantEvent, actor: Actor): Promise<Tenant>;
  /**
   * The transition `offboarded`, with a retention other than the settings'. Keys are revoked with it.
   * @param retentionDays undefined = the settings'. @throws transition_refused, also where a child has not left
   */
  offboard(id: TenantId, retentionDays: number | undefined, actor: Actor): Promise<Tenant>;
  putPlacement(placement: Placement): Promise<void>;
  dropPlacement(id: TenantId, compartment: CompartmentKind): Promise<void>;
  /**
   * What a move comes to: all placements and the isolation, in one transaction.
   * @throws operation_in_progress where the operation is another process's by now
   */
  switchPlacements(change: PlacementSwitch, actor: Actor): Promise<Tenant>;
  /**
   * Name, plan, features; isolation says what a move has made true. The plan must sell the isolation.
   * @throws plan_unknown, isolation_unavailable, value_invalid, tenant_not_found
   */
  update(
    id: TenantId,
    change: {
      readonly name?: string;
      readonly plan?: string;
      readonly features?: readonly string[];
      readonly isolation?: Isolation;
    },
    actor: Actor,
  ): Promise<Tenant>;
}

export interface ApiKey {
  readonly id: KeyId;
  readonly tenant: TenantId;
  readonly name: string;
  readonly createdAt: Date;
  readonly expiresAt: Date | undefined;
  readonly revokedAt: Date | undefined;
  readonly lastUsedAt: Date | undefined;
  /** The key that took over from this one, while both are accepted. */
  readonly replacedBy: KeyId | undefined;
}

/** `secret` is `bh_<id>_<43 characters>`; it is shown once and only its SHA-256 is kept. */
export interface IssuedKey {
  readonly key: ApiKey;
  readonly secret: string;
}

export interface KeyStore {
  issue(
    input: { readonly tenant: TenantId; readonly name: string; readonly expiresAt: Date | undefined },
    actor: Actor,
  ): Promise<IssuedKey>;
  list(tenant: TenantId): Promise<readonly ApiKey[]>;
  /** The old key goes on working for `overlapMs`. @throws not_found */
  rotate(
    input: { readonly tenant: TenantId; readonly id: KeyId; readonly overlapMs: number },
    actor: Actor,
  ): Promise<IssuedKey>;
  /** @throws not_found */
  revoke(input: { readonly tenant: TenantId; readonly id: KeyId }, actor: Actor): Promise<ApiKey>;
  /** Warm: no I/O, returns a plain value (not a promise) in at most a few microseconds. Compares whole digests in constant time. */
  verify(secret: string): Verdict<ApiKey> | Promise<Verdict<ApiKey>>;
}

/** Encrypted secrets of tenants and servers. AES-256-GCM; tenant, purpose and key id are authenticated with the text. */
export interface Vault {
  put(owner: string, purpose: string, secret: string): Promise<void>;
  /** Keeps what is there already. @returns what is stored now. @throws credential_unreadable */
  putOnce(owner: string, purpose: string, secret: string): Promise<string>;
  /** @throws credential_unreadable */
  get(owner: string, purpose: string): Promise<string | undefined>;
  drop(owner: string): Promise<number>;
  /** Seals again, with the current master key, what an earlier one sealed. @returns how many */
  reseal(): Promise<number>;
}

/** A Postgres server, or an embedded stand-in, that containers are made on. */
export interface ServerRecord {
  readonly name: string;
  /** `pool` serves shared, schema and database tenants; `dedicated` takes one tenant. */
  readonly role: 'pool' | 'dedicated';
  readonly region: string | undefined;
  readonly maxConnections: number;
}

export interface ServerStore {
  list(): Promise<readonly ServerRecord[]>;
  /** The URL goes to the vault. @throws conflict where the name is in use */
  add(server: ServerRecord, url: string, actor: Actor): Promise<void>;
  url(name: string): Promise<string | undefined>;
  /** Takes a free dedicated server for the tenant, atomically. @throws isolation_unavailable */
  claimDedicated(input: {
    readonly tenant: TenantId;
    readonly region: string | undefined;
    readonly name: string | undefined;
  }): Promise<ServerRecord>;
  releaseDedicated(tenant: TenantId, name: string): Promise<void>;
  /** Tenants by the name of the server that is theirs alone. */
  claims(): Promise<ReadonlyMap<string, TenantId>>;
  /** The server `claimDedicated` would take; takes nothing. */
  findDedicated(input: {
    readonly tenant: TenantId;
    readonly region: string | undefined;
    readonly name: string | undefined;
  }): Promise<ServerRecord | undefined>;
}

export interface PlanStore {
  list(): Promise<readonly Plan[]>;
  /** By id or alias, in any case. */
  read(idOrAlias: string): Promise<Plan | undefined>;
  put(plan: Plan, actor: Actor): Promise<void>;
}

export interface SettingValue {
  readonly value: unknown;
  readonly from: 'tenant' | 'plan' | 'default';
}

export interface SettingDeclaration {
  readonly key: string;
  readonly kind: SettingKind;
  readonly description?: string;
}

/**
 * Typed settings with fall-back: tenant, then plan, then global default (R184, R185).
 * A key `feature.<name>` switches a feature: false or 'off', true or 'on', or the name of an access level.
 */
export interface SettingStore {
  /** undefined = set nowhere. @throws tenant_not_found */
  get(tenant: TenantId, key: string): Promise<unknown>;
  all(tenant: TenantId): Promise<Readonly<Record<string, SettingValue>>>;
  /** Every feature that tenant, plan or default say something about. `ResolvedTenant.effectiveFeatures` has those that are not off. */
  features(tenant: TenantId): Promise<Readonly<Record<string, FeatureLevel>>>;
  /** @throws value_invalid where the key has a declared type and the value is not of it */
  set(tenant: TenantId, key: string, value: unknown, actor: Actor): Promise<void>;
  unset(tenant: TenantId, key: string, actor: Actor): Promise<void>;
  /** All of it or nothing; a key whose value is null is unset. @throws value_invalid, tenant_not_found */
  change(tenant: TenantId, values: Readonly<Record<string, unknown>>, actor: Actor): Promise<void>;
  setDefault(target: { readonly plan?: string }, key: string, value: unknown, actor: Actor): Promise<void>;
  /** From now on the key takes only values of this type. @throws value_invalid where others are stored already */
  declare(declaration: SettingDeclaration, actor: Actor): Promise<void>;
}

/** Minimal audit: who did what. `detail` holds ids and counts only. */
export interface AuditEvent {
  readonly at: Date;
  readonly tenant: TenantId | undefined;
  readonly actor: Actor;
  readonly action: string;
  readonly severity: 'info' | 'high' | 'critical';
  readonly requestId: RequestId | undefined;
  readonly detail: Readonly<Record<string, unknown>>;
}

export interface AuditTrail {
  /**
   * Queued and written in batches; `flush` waits for all. Never blocks the request path, never loses on a clean stop.
   * @throws registry_stale where so many wait that the database must be out of reach
   */
  record(event: Omit<AuditEvent, 'at'>): void;
  /**
   * For what one caller can cause thousands of times: within ten seconds all of one name become one entry, at the time
   * of the first, with the last one's detail, `repeated` (how many) and `lastedMs`.
   * @throws registry_stale as `record`
   */
  recordRepeated(name: string, event: Omit<AuditEvent, 'at'>): void;
  flush(): Promise<void>;
  list(query: {
    readonly tenant: TenantId;
    readonly from?: Date;
    readonly to?: Date;
    readonly limit: number;
  }): Promise<readonly AuditEvent[]>;
}

/** The token of the person who runs Bulkhead. Only its SHA-256 is kept. */
export interface OperatorTokens {
  /** Makes the first token when there is none; undefined when one exists. */
  ensure(): Promise<string | undefined>;
  /**
   * The operator's own token, 32 to 512 characters, becomes the only one: the one before perhaps leaked.
   * @throws config_invalid
   */
  accept(token: string): Promise<void>;
  verify(token: string): Promise<boolean>;
}

/** A version is the last migration of each set, as `app/3 bulkhead/1`. */
export interface ContainerVersion {
  readonly container: string;
  readonly version: string;
}

/** Which migrations each container has, as far as is known without asking it. */
export interface ContainerVersions {
  /** No I/O. undefined = not recorded: taken to be what this node has. */
  peek(container: string): string | undefined;
  record(versions: readonly ContainerVersion[]): Promise<void>;
  forget(container: string): Promise<void>;
  list(): Promise<readonly ContainerVersion[]>;
}

export interface SeatLimits {
  /** Tenants that one container takes. */
  readonly tenants: number;
}

/** How full a container that tenants share is. */
export interface ContainerUse {
  readonly container: string;
  readonly tenants: number;
  readonly limit: number;
}

/** Seats in the containers that tenants of one compartment share. */
export interface ContainerSeats {
  /** Number of the container on `server` in which the tenant has, or now gets, its seat. `preview` takes none. */
  take(tenant: TenantId, server: string, hold?: 'preview'): Promise<number>;
  /** Does nothing where the tenant has no seat there. */
  leave(tenant: TenantId, container: string): Promise<void>;
  uses(): Promise<readonly ContainerUse[]>;
}

export interface Registry {
  readonly directory: TenantDirectory;
  readonly tenants: TenantStore;
  readonly umbrella: UmbrellaStore;
  readonly keys: KeyStore;
  readonly plans: PlanStore;
  readonly settings: SettingStore;
  readonly servers: ServerStore;
  readonly vault: Vault;
  /** @param kind the compartment, as in the addresses of its containers */
  seats(kind: string, limits: SeatLimits): ContainerSeats;
  readonly operations: OperationStore;
  readonly audit: AuditTrail;
  readonly idempotency: IdempotencyStore;
  readonly domains: DomainStore;
  readonly operators: OperatorTokens;
  readonly verifications: VerificationStore;
  readonly versions: ContainerVersions;
  readonly erasures: ErasureStore;
  readonly signer: Signer;
  readonly backups: BackupStore;
  /** Random per installation; prefix of every role name, so that several installations share a server. */
  readonly rolePrefix: string;
  close(): Promise<void>;
}
