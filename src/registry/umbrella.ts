import { z } from 'zod';
import { BulkheadError } from '../core/errors.ts';
import { newUuid7, type Slug, type TenantId } from '../core/ids.ts';
import type { Actor } from '../core/scope.ts';
import { maxHierarchyDepth, tenantStates, type TenantState, type UmbrellaGrant } from '../core/tenant.ts';
import type { AdminDatabase } from '../drivers/sql.ts';
import type { CachedDirectory } from './directory.ts';
import { assertBelow } from './hierarchy.ts';
import { instant, nullable, parseRow, slug, tenantId } from './row-parts.ts';
import { writeAudited } from './write.ts';

/** A grant as it is kept, also after its end. */
export interface UmbrellaRecord extends UmbrellaGrant {
  readonly reader: TenantId;
  readonly actor: Actor;
  readonly createdAt: Date;
  readonly revokedAt: Date | undefined;
}

/** A tenant that another may read now. */
export interface ReadableTenant {
  readonly id: TenantId;
  readonly slug: Slug;
  readonly name: string;
  readonly state: TenantState;
  /** Levels below the reader, from 1. */
  readonly depth: number;
  readonly grant: string;
  readonly expiresAt: Date;
}

export interface ReadablePage {
  readonly tenants: readonly ReadableTenant[];
  readonly nextCursor: string | undefined;
}

/** Which tenants may read which of those below them. What holds now is also in each reader's `Tenant.umbrella`. */
export interface UmbrellaStore {
  /**
   * `child` undefined = all below the reader. Nobody may read sideways or upwards: the child must be below.
   * @throws hierarchy_refused, tenant_not_found, value_invalid
   */
  grant(
    input: {
      readonly reader: TenantId;
      readonly child: TenantId | undefined;
      readonly expiresAt: Date;
    },
    actor: Actor,
  ): Promise<UmbrellaRecord>;
  /** For the tenant that may read, or the one that is read: the other's grants are not found. @throws not_found */
  revoke(
    input: { readonly id: string; readonly side: 'reader' | 'child'; readonly tenant: TenantId },
    actor: Actor,
  ): Promise<UmbrellaRecord>;
  /** Grants that the tenant holds, and those by which it is read; ended ones too, newest first. */
  list(tenant: TenantId): Promise<readonly UmbrellaRecord[]>;
  readable(
    reader: TenantId,
    query: { readonly limit: number; readonly cursor?: string | undefined },
  ): Promise<ReadablePage>;
}

const columns = `g.id::text as id, g.reader_id::text as reader, g.child_id::text as child, g.created_at as "createdAt",
  g.expires_at as "expiresAt", g.revoked_at as "revokedAt",
  jsonb_build_object('kind', g.actor_kind, 'id', g.actor_id) as actor`;

const recordShape = z.object({
  id: z.uuid(),
  reader: tenantId,
  child: nullable(tenantId),
  createdAt: instant,
  expiresAt: instant,
  revokedAt: nullable(instant),
  actor: z.strictObject({ kind: z.enum(['key', 'user', 'operator', 'system']), id: z.string() }),
});

/** Each travels with its reader's cached row: with more than these, one for all below is meant. */
const maxGrants = 1_000;

const liveText = `g.revoked_at is null and g.expires_at > statement_timestamp()`;

const grantText = `insert into bulkhead.umbrella_grant as g (id, reader_id, child_id, expires_at, actor_kind, actor_id)
  select $6::uuid, $7::uuid, $8::uuid, $9::timestamptz, $1, $2
    where (select count(*) from bulkhead.umbrella_grant g where g.reader_id = $7::uuid and ${liveText}) < ${maxGrants}
  returning ${columns}`;

const revokeText = `update bulkhead.umbrella_grant g set revoked_at = coalesce(g.revoked_at, statement_timestamp())
  where g.id = $6::uuid and case $7 when 'reader' then g.reader_id else g.child_id end = $4::uuid returning ${columns}`;

const lineText = `with recursive line (id, depth) as (
    select t.parent_id, 1 from bulkhead.tenant t where t.id = $1::uuid and t.parent_id is not null
    union all
    select t.parent_id, line.depth + 1 from bulkhead.tenant t join line on t.id = line.id
      where t.parent_id is not null and line.depth < ${maxHierarchyDepth})`;

const listText = `${lineText} select ${columns} from bulkhead.umbrella_grant g
  where g.reader_id = $1::uuid or g.child_id = $1::uuid
    or (g.child_id is null and g.reader_id in (select id from line))
  order by g.created_at desc, g.id desc limit 1000`;

// Of several grants the one that lasts longest is named.
const readableText = `with recursive below (id, depth) as (
    select t.id, 1 from bulkhead.tenant t where t.parent_id = $1::uuid
    union all
    select t.id, below.depth + 1 from bulkhead.tenant t join below on t.parent_id = below.id
      where below.depth < ${maxHierarchyDepth})
  select t.id::text as id, t.slug, t.name, t.state, below.depth, granted.id::text as "grant",
    granted.expires_at as "expiresAt"
  from below join bulkhead.tenant t on t.id = below.id
  cross join lateral (select g.id, g.expires_at from bulkhead.umbrella_grant g
    where g.reader_id = $1::uuid and (g.child_id is null or g.child_id = t.id) and ${liveText}
    order by g.expires_at desc limit 1) granted
  where t.state <> 'deleted' and ($2::uuid is null or t.id > $2::uuid)
  order by t.id limit $3::int`;

const readableShape = z.object({
  id: tenantId,
  slug,
  name: z.string(),
  state: z.enum(tenantStates),
  depth: z.int(),
  grant: z.uuid(),
  expiresAt: instant,
});

const maxPage = 1_000;

export class SqlUmbrellaStore implements UmbrellaStore {
  readonly #admin: AdminDatabase;
  readonly #directory: CachedDirectory;

  constructor(parts: { readonly admin: AdminDatabase; readonly directory: CachedDirectory }) {
    this.#admin = parts.admin;
    this.#directory = parts.directory;
  }

  async grant(input: Parameters<UmbrellaStore['grant']>[0], actor: Actor): Promise<UmbrellaRecord> {
    const { reader, child, expiresAt } = input;
    const id = newUuid7();
    const note = {
      actor,
      action: 'umbrella.granted',
      tenant: child ?? reader,
      detail: { reader, child, grant: id },
    };
    try {
      return await this.#admin.transaction(async (tx) => {
        await assertBelow(tx, { reader, child });
        const [row] = await writeAudited(tx, note, {
          write: grantText,
          values: [id, reader, child ?? null, expiresAt],
        });
        if (row === undefined)
          throw new BulkheadError('value_invalid', {
            field: 'child',
            reason: `a tenant holds at most ${maxGrants} grants at a time; grant it all below it instead`,
          });
        return parseRow('umbrella_grant', recordShape, row);
      });
    } finally {
      this.#directory.forget(reader);
    }
  }

  async revoke(
    { id, side, tenant }: Parameters<UmbrellaStore['revoke']>[0],
    actor: Actor,
  ): Promise<UmbrellaRecord> {
    const note = { actor, action: 'umbrella.revoked', tenant, detail: { grant: id } };
    const [row] = z.uuid().safeParse(id).success
      ? await writeAudited(this.#admin, note, { write: revokeText, values: [id, side] })
      : [];
    if (row === undefined) throw new BulkheadError('not_found', { grant: id });
    const revoked = parseRow('umbrella_grant', recordShape, row);
    this.#directory.forget(revoked.reader);
    return revoked;
  }

  async list(tenant: TenantId): Promise<readonly UmbrellaRecord[]> {
    const { rows } = await this.#admin.query(listText, [tenant]);
    return rows.map((row) => parseRow('umbrella_grant', recordShape, row));
  }

  async readable(
    reader: TenantId,
    { limit, cursor }: Parameters<UmbrellaStore['readable']>[1],
  ): Promise<ReadablePage> {
    const size = Math.min(Math.max(1, Math.trunc(limit)), maxPage);
    if (cursor !== undefined && !z.uuid().safeParse(cursor).success)
      throw new BulkheadError('request_invalid', {
        field: 'cursor',
        hint: 'pass the nextCursor of the page before',
      });
    const { rows } = await this.#admin.query(readableText, [reader, cursor ?? null, size + 1]);
    const found = rows.map((row) => parseRow('tenant', readableShape, row));
    const tenants = found.slice(0, size);
    return { tenants, nextCursor: found.length > size ? tenants.at(-1)?.id : undefined };
  }
}
