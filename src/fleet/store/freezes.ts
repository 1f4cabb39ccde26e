import { BulkheadError } from '../../core/errors.ts';
import type { TenantId } from '../../core/ids.ts';
import type { Actor } from '../../core/scope.ts';
import type { AdminDatabase } from '../../drivers/sql.ts';
import type { Freeze } from '../fleet.ts';
import { toTenantId } from './inventory.ts';

interface FreezeRow extends Record<string, unknown> {
  readonly tenant: string;
  readonly version: string;
  readonly reason: string;
  readonly actor_kind: Actor['kind'];
  readonly actor_id: string;
  readonly at: Date | string;
}

const columns = 'tenant_id::text as tenant, version, reason, actor_kind, actor_id, at';

const freezeText = `insert into bulkhead.tenant_freeze (tenant_id, version, reason, actor_kind, actor_id)
  values ($1::uuid, $2, $3, $4, $5)
  on conflict (tenant_id) do update set version = excluded.version, reason = excluded.reason,
    actor_kind = excluded.actor_kind, actor_id = excluded.actor_id, at = statement_timestamp()
  returning ${columns}`;

/** Tenants that are held at a version. */
export class SqlFreezeStore {
  readonly #control: AdminDatabase;

  constructor(control: AdminDatabase) {
    this.#control = control;
  }

  async put(
    input: { readonly tenant: TenantId; readonly version: string; readonly reason: string },
    actor: Actor,
  ): Promise<Freeze> {
    const values = [input.tenant, input.version, input.reason, actor.kind, actor.id];
    const { rows } = await this.#control.query<FreezeRow>(freezeText, values);
    const [row] = rows;
    if (row === undefined) throw new BulkheadError('internal', { reason: 'a freeze was not stored' });
    return toFreeze(row);
  }

  /** @throws not_found */
  async drop(tenant: TenantId): Promise<void> {
    const { rowCount } = await this.#control.query(
      'delete from bulkhead.tenant_freeze where tenant_id = $1::uuid',
      [tenant],
    );
    if (rowCount === 0) throw new BulkheadError('not_found', { tenant, reason: 'the tenant is not frozen' });
  }

  async list(): Promise<readonly Freeze[]> {
    const { rows } = await this.#control.query<FreezeRow>(
      `select ${columns} from bulkhead.tenant_freeze order by at`,
    );
    return rows.map(toFreeze);
  }
}

function toFreeze(row: FreezeRow): Freeze {
  return {
    tenant: toTenantId(row.tenant),
    version: row.version,
    reason: row.reason,
    actor: { kind: row.actor_kind, id: row.actor_id },
    at: new Date(row.at),
  };
}
