import type { TenantId } from '../core/ids.ts';
import type { Actor } from '../core/scope.ts';
import type { Tenant } from '../core/tenant.ts';
import type { Operation } from '../registry/registry.ts';
import type { Archives } from './archives.ts';
import type { Backups } from './backups.ts';
import type { Backfill } from './backfill.ts';
import type { Leaving } from './leaving.ts';
import type { Moves } from './moves.ts';

export interface CreateTenantInput {
  readonly slug: string;
  readonly name: string;
  /** Id or alias; default `free`. */
  readonly plan?: string | undefined;
  /** Default: the plan's. */
  readonly isolation?: string | undefined;
  readonly region?: string | undefined;
  /** Id or slug of the parent tenant. */
  readonly parent?: string | undefined;
  /** Named server for a dedicated tenant; default any free one. */
  readonly server?: string | undefined;
  /** Data to begin with: a folder in BULKHEAD_TEMPLATES_DIR. */
  readonly template?: string | undefined;
  readonly features?: readonly string[] | undefined;
  readonly settings?: Readonly<Record<string, unknown>> | undefined;
}

export interface CreatedTenant {
  readonly tenant: Tenant;
  readonly operation: Operation;
  readonly readyInMs: number;
}

/** What is done to tenants: journalled, resumable loops over compartments. */
export interface Lifecycle extends Moves, Leaving, Archives, Backups, Backfill {
  /**
   * Provisions every compartment; a failure at any step undoes all of them and leaves no tenant.
   * @throws request_invalid, slug_taken, plan_unknown, isolation_unavailable, hierarchy_refused, compartment_unreachable
   */
  create(input: CreateTenantInput, actor: Actor): Promise<CreatedTenant>;
  /**
   * Makes a template of what the tenant has now, for `create`.
   * @returns records in it. @throws tenant_not_found, request_invalid
   */
  saveTemplate(id: TenantId, name: string, actor: Actor): Promise<number>;
  /** Blocks within a second on every node and inside the stores; keeps the data. @throws tenant_not_found, transition_refused */
  suspend(id: TenantId, actor: Actor): Promise<Tenant>;
  resume(id: TenantId, actor: Actor): Promise<Tenant>;
  /**
   * Takes up what a dead process left running, erases what is due, and erases again what a restored registry brought
   * back. @returns operations ended.
   */
  recover(): Promise<number>;
}
