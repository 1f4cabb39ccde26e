import type { Actor } from '../../core/scope.ts';
import type { ContainerOutcome, FleetRun, RunContainer, RunState } from '../fleet.ts';
import { toTenantId } from './inventory.ts';

export const runColumns = `r.id::text as id, r.target, r.state, r.reason, r.actor_kind, r.actor_id,
  r.started_at, r.ended_at,
  coalesce((select jsonb_object_agg(n.state, n.count) from (
    select c.state, count(*) from bulkhead.fleet_run_container c where c.run_id = r.id group by c.state) n), '{}') as counts`;

export interface RunRow extends Record<string, unknown> {
  readonly id: string;
  readonly target: string;
  readonly state: RunState;
  readonly reason: string | null;
  readonly actor_kind: Actor['kind'];
  readonly actor_id: string;
  readonly started_at: Date | string;
  readonly ended_at: Date | string | null;
  readonly counts: Partial<Record<ContainerOutcome, number>>;
}

const none: Readonly<Record<ContainerOutcome, number>> = {
  pending: 0,
  done: 0,
  failed: 0,
  frozen: 0,
  skipped: 0,
};

export function toRun(row: RunRow): FleetRun {
  return {
    id: row.id,
    target: row.target,
    state: row.state,
    reason: row.reason ?? undefined,
    counts: { ...none, ...row.counts },
    actor: { kind: row.actor_kind, id: row.actor_id },
    startedAt: new Date(row.started_at),
    endedAt: row.ended_at === null ? undefined : new Date(row.ended_at),
  };
}

export const containerColumns = `c.container, c.tenant_id::text as tenant, c.ring, c.state, c.from_version, c.to_version,
  c.code, c.reason, c.duration_ms`;

export interface ContainerRow extends Record<string, unknown> {
  readonly container: string;
  readonly tenant: string | null;
  readonly ring: 'canary' | 'rest';
  readonly state: ContainerOutcome;
  readonly from_version: string;
  readonly to_version: string | null;
  readonly code: string | null;
  readonly reason: string | null;
  readonly duration_ms: number | null;
}

export function toRunContainer(row: ContainerRow): RunContainer {
  return {
    container: row.container,
    tenant: row.tenant === null ? undefined : toTenantId(row.tenant),
    ring: row.ring,
    state: row.state,
    from: row.from_version,
    to: row.to_version ?? undefined,
    code: row.code ?? undefined,
    reason: row.reason ?? undefined,
    durationMs: row.duration_ms ?? undefined,
  };
}
