import { z } from 'zod';
import { BulkheadError } from '../core/errors.ts';
import type { TenantId } from '../core/ids.ts';
import type { Actor } from '../core/scope.ts';
import type { AdminDatabase } from '../drivers/sql.ts';
import type { ServerRecord, ServerStore } from './registry.ts';
import { nullable, parseRow, tenantId } from './row-parts.ts';
import type { SealedVault } from './vault.ts';
import { refusing, writeAudited } from './write.ts';

const serverShape = z.object({
  name: z.string(),
  role: z.enum(['pool', 'dedicated']),
  region: nullable(z.string()),
  maxConnections: z.int(),
});
const claimShape = z.object({ name: z.string(), tenant: tenantId });
const serverColumns = 'name, role, region, max_connections as "maxConnections"';

const addText = `insert into bulkhead.server (name, role, region, max_connections)
  values ($6, $7, $8, $9::int) returning name`;

const claimedText = `select ${serverColumns} from bulkhead.server 
  where claimed_by = $1::uuid and ($2::text is null or name = $2) order by name limit 1`;

// Two tenants that ask at once get two servers: the second skips the row that the first has locked.
const freeText = `select name from bulkhead.server
    where role = 'dedicated' and claimed_by is null
      and ($1::text is null or region = $1) and ($2::text is null or name = $2)
    order by name limit 1`;

const claimText = `update bulkhead.server set claimed_by = $3::uuid where name = (${freeText} for update skip locked)
  returning ${serverColumns}`;

const PURPOSE = 'url';

export class SqlServerStore implements ServerStore {
  readonly #admin: AdminDatabase;
  readonly #vault: SealedVault;

  constructor(admin: AdminDatabase, vault: SealedVault) {
    this.#admin = admin;
    this.#vault = vault;
  }

  async list(): Promise<readonly ServerRecord[]> {
    const { rows } = await this.#admin.query(`select ${serverColumns} from bulkhead.server order by name`);
    return rows.map(parseServer);
  }

  async add(server: ServerRecord, url: string, actor: Actor): Promise<void> {
    const { name, role, region, maxConnections } = server;
    const note = { actor, action: 'server.added', tenant: undefined, detail: { server: name, role, region } };
    await this.#admin.transaction(async (tx) => {
      const values = [name, role, region ?? null, maxConnections];
      await refusing(writeAudited(tx, note, { write: addText, values }), {
        server_pkey: () => new BulkheadError('conflict', { field: 'name', server: name }),
        server_max_connections_check: () => new BulkheadError('value_invalid', { field: 'maxConnections' }),
      });
      await this.#vault.putWithin(tx, { owner: ownerOf(name), purpose: PURPOSE }, url);
    });
  }

  url(name: string): Promise<string | undefined> {
    return this.#vault.get(ownerOf(name), PURPOSE);
  }

  /** A tenant that has a server already gets the same again: lifecycle loops repeat steps. */
  async claimDedicated(input: Parameters<ServerStore['claimDedicated']>[0]): Promise<ServerRecord> {
    const { tenant, region, name } = input;
    const server = (await this.#claimedBy(tenant, name)) ?? (await this.#claim(input));
    if (server !== undefined) return server;
    throw new BulkheadError('isolation_unavailable', {
      tenant,
      region,
      server: name,
      reason: 'no free dedicated server fits',
      hint: 'add a server of role dedicated',
    });
  }

  async releaseDedicated(tenant: TenantId, name: string): Promise<void> {
    await this.#admin.query(
      'update bulkhead.server set claimed_by = null where claimed_by = $1::uuid and name = $2',
      [tenant, name],
    );
  }

  async claims(): Promise<ReadonlyMap<string, TenantId>> {
    const { rows } = await this.#admin.query(
      'select name, claimed_by::text as tenant from bulkhead.server where claimed_by is not null',
    );
    return new Map(
      rows.map((row) => parseRow('server', claimShape, row)).map(({ name, tenant }) => [name, tenant]),
    );
  }

  async findDedicated(input: Parameters<ServerStore['findDedicated']>[0]): Promise<ServerRecord | undefined> {
    const { tenant, region, name } = input;
    const held = await this.#claimedBy(tenant, name);
    if (held !== undefined) return held;
    const { rows } = await this.#admin.query(
      `select ${serverColumns} from bulkhead.server where name = (${freeText})`,
      [region ?? null, name ?? null],
    );
    return rows[0] === undefined ? undefined : parseServer(rows[0]);
  }

  /** A tenant between two servers of its own has both; asked for by name it is the one, else the first. */
  async #claimedBy(tenant: TenantId, name: string | undefined): Promise<ServerRecord | undefined> {
    const { rows } = await this.#admin.query(claimedText, [tenant, name ?? null]);
    return rows[0] === undefined ? undefined : parseServer(rows[0]);
  }

  async #claim({
    tenant,
    region,
    name,
  }: Parameters<ServerStore['claimDedicated']>[0]): Promise<ServerRecord | undefined> {
    const { rows } = await refusing(this.#admin.query(claimText, [region ?? null, name ?? null, tenant]), {
      server_claimed_by_fkey: () => new BulkheadError('tenant_not_found', { tenant }),
    });
    return rows[0] === undefined ? undefined : parseServer(rows[0]);
  }
}

function parseServer(row: unknown): ServerRecord {
  return parseRow('server', serverShape, row);
}

function ownerOf(server: string): string {
  return `server:${server}`;
}
