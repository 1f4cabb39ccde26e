import { BulkheadError } from '../core/errors.ts';
import type { TenantId } from '../core/ids.ts';
import type { AdminDatabase } from '../drivers/sql.ts';
import type { ContainerSeats, ContainerUse, SeatLimits } from './registry.ts';

/** Share of a container's seats from which the next tenant goes to another one; the rest is for those that come back. */
const provisionAt = 0.9;

/** Seats of one compartment's shared containers, `server:kind/shared/number`, counted in the database under a lock. */
export class SqlContainerSeats implements ContainerSeats {
  readonly #admin: AdminDatabase;
  readonly #kind: string;
  readonly #limits: SeatLimits;

  constructor(admin: AdminDatabase, kind: string, limits: SeatLimits) {
    this.#admin = admin;
    this.#kind = kind;
    this.#limits = limits;
  }

  async take(tenant: TenantId, server: string, hold?: 'preview'): Promise<number> {
    const head = `${server}:${this.#kind}/shared/`;
    const usable = Math.max(1, Math.floor(this.#limits.tenants * provisionAt));
    return await this.#admin.transaction(async (tx) => {
      await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [head]);
      const { rows } = await tx.query<{ container: string; taken: number; mine: boolean }>(
        `select container, count(*)::int as taken, bool_or(tenant_id = $2) as mine from bulkhead.container_seat
          where starts_with(container, $1) group by container`,
        [head, tenant],
      );
      const used = rows.map((row) => ({ ...row, number: Number(row.container.slice(head.length)) }));
      const mine = used.find((each) => each.mine);
      if (mine !== undefined) return mine.number;
      const number = toNumber(used, usable);
      if (hold === 'preview') return number;
      await tx.query('insert into bulkhead.container_seat (container, tenant_id) values ($1, $2)', [
        `${head}${number}`,
        tenant,
      ]);
      return number;
    });
  }

  async leave(tenant: TenantId, container: string): Promise<void> {
    await this.#admin.query('delete from bulkhead.container_seat where container = $1 and tenant_id = $2', [
      container,
      tenant,
    ]);
  }

  async uses(): Promise<readonly ContainerUse[]> {
    const { rows } = await this.#admin.query<{ container: string; taken: number }>(
      `select container, count(*)::int as taken from bulkhead.container_seat
        where container like '%:' || $1 || '/shared/%' group by container order by container`,
      [this.#kind],
    );
    return rows.map(({ container, taken }) => ({ container, tenants: taken, limit: this.#limits.tenants }));
  }
}

/** The lowest container with a seat to give; a new one where all of them are as full as they may get. */
function toNumber(
  used: readonly { readonly number: number; readonly taken: number }[],
  usable: number,
): number {
  const taken = new Map(used.map((each) => [each.number, each.taken]));
  for (let number = 1; number <= used.length + 1; number += 1)
    if ((taken.get(number) ?? 0) < usable) return number;
  throw new BulkheadError('internal', { reason: 'no container has a number' });
}
