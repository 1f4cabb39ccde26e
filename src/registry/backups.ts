import { z } from 'zod';
import { BulkheadError, errorTable, type ErrorCode } from '../core/errors.ts';
import type { TenantId } from '../core/ids.ts';
import type { AdminDatabase } from '../drivers/sql.ts';
import { backupSettings, backupStates, type Backup, type BackupStore } from './backup.ts';
import { instant, integer, nullable, parseRow, tenantId } from './row-parts.ts';
import { refusing } from './write.ts';

const shape = z.object({
  id: z.uuid(),
  tenant: tenantId,
  state: z.enum(backupStates),
  reason: z.enum(['schedule', 'request']),
  records: nullable(integer),
  sizeBytes: nullable(integer),
  hash: nullable(z.string()),
  createdAt: instant,
  readyAt: nullable(instant),
  verifiedAt: nullable(instant),
  drilledAt: nullable(instant),
  failure: nullable(
    z.object({
      code: z.string().refine((code): code is ErrorCode => Object.hasOwn(errorTable, code)),
      reason: z.string(),
    }),
  ),
});

const columns = `b.id::text as id, b.tenant_id::text as tenant, b.state, b.reason, b.records, b.size_bytes as "sizeBytes",
  b.hash, b.created_at as "createdAt", b.ready_at as "readyAt", b.verified_at as "verifiedAt",
  b.drilled_at as "drilledAt", b.failure`;

/** A tenant's setting, else its plan's default, else the global one. */
const setting = (key: string): string => `coalesce(t.settings -> '${key}',
  (select d.value from bulkhead.setting_default d where d.plan_id = t.plan_id and d.key = '${key}'),
  (select d.value from bulkhead.setting_default d where d.plan_id is null and d.key = '${key}'))`;

/** What is no number, or not positive, counts as the default. */
const numberOf = (json: string, otherwise: number): string =>
  `case when jsonb_typeof(${json}) = 'number' and (${json})::float8 > 0 then (${json})::float8 else ${otherwise} end`;

/** Any number that nobody else uses. */
const claimLock = '7022337046882';

// A failed one is tried again after a quarter of an hour; one whose writer died is taken up by the journal, and is waited
// for up to a day.
const claimText = `with wanted as (
    select t.id, ${numberOf(setting(backupSettings.everyHours), 0)} as hours
    from bulkhead.tenant t where t.state in ('active', 'suspended'))
  insert into bulkhead.backup as b (id, tenant_id, reason)
  select gen_random_uuid(), w.id, 'schedule' from wanted w
  where w.hours > 0
    and not exists (select from bulkhead.backup l where l.tenant_id = w.id and (
      (l.state in ('ready', 'damaged') and l.created_at > statement_timestamp() - make_interval(secs => w.hours * 3600))
      or (l.state = 'writing' and l.created_at > statement_timestamp() - interval '1 day')
      or (l.state = 'failed' and l.created_at > statement_timestamp() - interval '15 minutes')))
  order by w.id limit $1::int
  returning ${columns}`;

const expiredText = `with kept as (
    select t.id, ${numberOf(setting(backupSettings.keep), 7)} as keep, ${numberOf(setting(backupSettings.keepDays), 35)} as days
    from bulkhead.tenant t where t.id = $1::uuid),
  ranked as (
    select b.*, row_number() over (partition by b.state order by b.created_at desc, b.id desc) as rank
    from bulkhead.backup b where b.tenant_id = $1::uuid and b.reason = 'schedule')
  select ${columns} from ranked b, kept k
  where (b.state in ('ready', 'damaged') and b.rank > 1
      and (b.rank > k.keep or b.created_at < statement_timestamp() - make_interval(secs => k.days * 86400)))
    or (b.state = 'failed' and b.created_at < statement_timestamp() - interval '7 days')
  order by b.created_at`;

export class SqlBackupStore implements BackupStore {
  readonly #admin: AdminDatabase;

  constructor(admin: AdminDatabase) {
    this.#admin = admin;
  }

  async add({ id, tenant, reason }: Pick<Backup, 'id' | 'tenant' | 'reason'>): Promise<Backup> {
    const { rows } = await refusing(
      this.#admin.query(
        `insert into bulkhead.backup as b (id, tenant_id, reason) values ($1::uuid, $2::uuid, $3) returning ${columns}`,
        [id, tenant, reason],
      ),
      { backup_tenant_fkey: () => new BulkheadError('tenant_not_found', { tenant }) },
    );
    return parseRow('backup', shape, rows[0]);
  }

  async claimDue(limit: number): Promise<readonly Backup[]> {
    return await this.#admin.transaction(async (tx) => {
      // Nodes take turns, so that each sees what the one before has taken.
      await tx.query('select pg_advisory_xact_lock($1::bigint)', [claimLock]);
      const { rows } = await tx.query(claimText, [limit]);
      return rows.map((row) => parseRow('backup', shape, row));
    });
  }

  async ready(
    id: string,
    what: { readonly records: number; readonly sizeBytes: number; readonly hash: string },
  ): Promise<void> {
    await this.#admin.query(
      `update bulkhead.backup set state = 'ready', records = $2, size_bytes = $3, hash = $4, failure = null,
         ready_at = statement_timestamp(), verified_at = statement_timestamp() where id = $1::uuid`,
      [id, what.records, what.sizeBytes, what.hash],
    );
  }

  async failed(id: string, failure: NonNullable<Backup['failure']>): Promise<void> {
    await this.#admin.query(
      `update bulkhead.backup set state = 'failed', failure = $2::jsonb where id = $1::uuid`,
      [id, JSON.stringify(failure)],
    );
  }

  async verified(id: string, state: 'ready' | 'damaged'): Promise<void> {
    await this.#admin.query(
      `update bulkhead.backup set state = $2,
         verified_at = case when $2 = 'ready' then statement_timestamp() else verified_at end
       where id = $1::uuid and state in ('ready', 'damaged')`,
      [id, state],
    );
  }

  async drilled(id: string): Promise<void> {
    await this.#admin.query(
      'update bulkhead.backup set drilled_at = statement_timestamp() where id = $1::uuid',
      [id],
    );
  }

  async read(id: string): Promise<Backup | undefined> {
    const { rows } = await this.#admin.query(
      `select ${columns} from bulkhead.backup b where b.id = $1::uuid`,
      [id],
    );
    return rows[0] === undefined ? undefined : parseRow('backup', shape, rows[0]);
  }

  async list(query: Parameters<BackupStore['list']>[0]): Promise<readonly Backup[]> {
    const { rows } = await this.#admin.query(
      `select ${columns} from bulkhead.backup b where $1::uuid is null or b.tenant_id = $1::uuid
         order by b.created_at desc, b.id desc limit $2::int`,
      [query.tenant ?? null, query.limit],
    );
    return rows.map((row) => parseRow('backup', shape, row));
  }

  async expired(tenant: TenantId): Promise<readonly Backup[]> {
    const { rows } = await this.#admin.query(expiredText, [tenant]);
    return rows.map((row) => parseRow('backup', shape, row));
  }

  async remove(id: string): Promise<void> {
    await this.#admin.query('delete from bulkhead.backup where id = $1::uuid', [id]);
  }
}
