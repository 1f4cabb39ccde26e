import { z } from 'zod';
import { BulkheadError } from '../core/errors.ts';
import { newUuid7, type TenantId } from '../core/ids.ts';
import type { Actor } from '../core/scope.ts';
import type { AdminDatabase } from '../drivers/sql.ts';
import {
  toErasureText,
  type Erasure,
  type ErasureStore,
  type RegistryTraces,
  type StoredReceipt,
} from './erasure.ts';
import { instant, parseRow, slug, tenantId } from './row-parts.ts';
import type { Signer } from './signer.ts';
import { isAbout, tenantTables } from './tenant-tables.ts';
import { writeAudited } from './write.ts';

const erasureShape = z.object({
  tenant: tenantId,
  slug,
  operation: z.uuid(),
  actor: z.strictObject({ kind: z.enum(['key', 'user', 'operator', 'system']), id: z.string() }),
  at: instant,
  signature: z.string(),
});
const entryColumns = `e.tenant_id::text as tenant, e.slug, e.operation_id::text as operation,
  jsonb_build_object('kind', e.actor_kind, 'id', e.actor_id) as actor, e.at, e.signature`;

// Whole milliseconds: what is signed must read back the same.
const nowText = `select date_trunc('milliseconds', statement_timestamp()) as at`;

const insertText = `insert into bulkhead.erasure as e
    (tenant_id, slug, operation_id, actor_kind, actor_id, at, signature)
  select u.tenant, u.slug, u.operation, u.actor_kind, u.actor_id, u.at, u.signature
  from unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::timestamptz[], $7::text[])
    as u (tenant, slug, operation, actor_kind, actor_id, at, signature)
  on conflict (tenant_id) do nothing returning ${entryColumns}`;

const listText = `select ${entryColumns} from bulkhead.erasure e
  where $1::timestamptz is null or (e.at, e.tenant_id) > ($1::timestamptz, $2::uuid)
  order by e.at, e.tenant_id limit $3::int`;

// Not while it is being erased: then somebody is at it.
const resurrectedText = `select ${entryColumns} from bulkhead.erasure e
  left join bulkhead.tenant t on t.id = e.tenant_id
  where t.state is distinct from 'deleted'
    and not exists (select from bulkhead.operation o where o.tenant_id = e.tenant_id and o.state = 'running')
  order by e.at, e.tenant_id limit $1::int`;

const isDueText = `t.state = 'offboarding' and t.erases_at <= statement_timestamp()
  and not exists (select from bulkhead.tenant c where c.parent_id = t.id and c.state <> 'deleted')`;

const dueText = `select t.id::text as id from bulkhead.tenant t where ${isDueText}
    and not exists (select from bulkhead.operation o where o.tenant_id = t.id and o.state = 'running')
  order by t.erases_at limit $1::int`;

const tombstoneText = `insert into bulkhead.tenant as t
    (id, slug, name, plan_id, state, isolation, encryption_key_id)
  select $4::uuid, $6, $6, (select id from bulkhead.plan order by id limit 1), 'deleted', 'shared', $7
  where not exists (select from bulkhead.tenant where id = $4::uuid) returning 1 as done`;

const receiptShape = z.object({
  operation: z.uuid(),
  tenant: tenantId,
  state: z.enum(['partial', 'complete']),
  body: z.string(),
  signature: z.string(),
  at: instant,
});

const putReceiptText = `insert into bulkhead.erasure_receipt (operation_id, tenant_id, state, body, signature)
  values ($1::uuid, $2::uuid, $3, $4, $5)
  on conflict (operation_id) do update set state = excluded.state, body = excluded.body,
    signature = excluded.signature, at = statement_timestamp()
    where erasure_receipt.state = 'partial' returning 1 as done`;

const receiptText = `select operation_id::text as operation, tenant_id::text as tenant, state, body, signature, at
  from bulkhead.erasure_receipt where tenant_id = $1::uuid order by at desc, operation_id desc limit 1`;

export class SqlErasureStore implements ErasureStore {
  readonly #admin: AdminDatabase;
  readonly #signer: Signer;

  constructor(admin: AdminDatabase, signer: Signer) {
    this.#admin = admin;
    this.#signer = signer;
  }

  async enter(wanted: Parameters<ErasureStore['enter']>[0], actor: Actor): Promise<Erasure> {
    const known = await this.read(wanted.tenant);
    if (known !== undefined) return known;
    const { rows } = await this.#admin.query(nowText);
    const { at } = parseRow('erasure', z.object({ at: instant }), rows[0]);
    const entry = { ...wanted, actor, at };
    const signature = this.#signer.sign(toErasureText(entry));
    await this.#insert([{ ...entry, signature }]);
    return (await this.read(wanted.tenant)) ?? { ...entry, signature };
  }

  async adopt(erasures: readonly Erasure[]): Promise<readonly Erasure[]> {
    const forged = erasures.find((one) => !this.#signer.verify(toErasureText(one), one.signature));
    if (forged !== undefined)
      throw new BulkheadError('request_invalid', {
        field: 'signature',
        tenant: forged.tenant,
        reason: 'an entry was not signed by this installation; nothing was taken from it',
      });
    return await this.#insert(erasures);
  }

  async read(tenant: TenantId): Promise<Erasure | undefined> {
    const { rows } = await this.#admin.query(
      `select ${entryColumns} from bulkhead.erasure e where e.tenant_id = $1::uuid`,
      [tenant],
    );
    return rows[0] === undefined ? undefined : toErasure(rows[0]);
  }

  async list({ after, limit }: Parameters<ErasureStore['list']>[0]): Promise<readonly Erasure[]> {
    const { rows } = await this.#admin.query(listText, [after?.at ?? null, after?.tenant ?? null, limit]);
    return rows.map(toErasure);
  }

  async count(): Promise<number> {
    const { rows } = await this.#admin.query('select count(*) as n from bulkhead.erasure');
    return Number(rows[0]?.['n']);
  }

  async resurrected(limit: number): Promise<readonly Erasure[]> {
    const { rows } = await this.#admin.query(resurrectedText, [limit]);
    return rows.map(toErasure);
  }

  async entomb(erasure: Erasure, actor: Actor): Promise<void> {
    const { tenant } = erasure;
    const { rows } = await this.#admin.query('select 1 from bulkhead.taken_slug where slug = $1', [
      erasure.slug,
    ]);
    // Since the backup somebody else may have got the slug; then what is left to keep is the id.
    const name = rows.length === 0 ? erasure.slug : `erased-${tenant.slice(0, 18)}`;
    const note = { actor, action: 'tenant.entombed', tenant, detail: { operation: erasure.operation } };
    await writeAudited(this.#admin, note, { write: tombstoneText, values: [name, newUuid7()] });
  }

  async due(limit: number): Promise<readonly TenantId[]> {
    const { rows } = await this.#admin.query(dueText, [limit]);
    return rows.map((row) => parseRow('tenant', z.object({ id: tenantId }), row).id);
  }

  async isDue(tenant: TenantId): Promise<boolean> {
    const { rows } = await this.#admin.query(
      `select from bulkhead.tenant t where t.id = $1::uuid and ${isDueText}`,
      [tenant],
    );
    return rows.length > 0;
  }

  async dropCredentials(tenant: TenantId): ReturnType<ErasureStore['dropCredentials']> {
    return await this.#admin.transaction(async (tx) => {
      const keys = await tx.query('delete from bulkhead.api_key where tenant_id = $1::uuid', [tenant]);
      const secrets = await tx.query('delete from bulkhead.credential where owner = $1', [tenant]);
      return { apiKeys: keys.rowCount, secrets: secrets.rowCount };
    });
  }

  async sweep(of: TenantId | 'everyone'): Promise<number> {
    let swept = 0;
    for (const [table, { columns, type, onErasure }] of Object.entries(tenantTables)) {
      if (onErasure !== 'delete') continue;
      const about = columns.map((column) => `r.${column} = t.id::${type}`).join(' or ');
      const { rowCount } = await this.#admin.query(
        `delete from bulkhead.${table} r using bulkhead.tenant t join bulkhead.erasure e on e.tenant_id = t.id
           where t.state = 'deleted' and ($1::uuid is null or t.id = $1::uuid) and (${about})`,
        [of === 'everyone' ? null : of],
      );
      swept += rowCount;
    }
    return swept;
  }

  async traces(tenant: TenantId): Promise<RegistryTraces> {
    const tables = Object.entries(tenantTables);
    const counts = tables.map(
      ([name, about]) =>
        `select '${name}' as name, count(*)::int as n from bulkhead.${name} where ${isAbout(about)}`,
    );
    const { rows } = await this.#admin.query<{ name: string; n: number }>(counts.join(' union all '), [
      tenant,
    ]);
    const found = rows.filter(({ n }) => n > 0).map(({ name, n }) => [name, n] as const);
    const isKept = (name: string): boolean => tenantTables[name]?.onErasure === 'keep';
    return {
      left: Object.fromEntries(found.filter(([name]) => !isKept(name))),
      kept: Object.fromEntries(found.filter(([name]) => isKept(name))),
    };
  }

  async putReceipt({ operation, tenant, state, body, signature }: Omit<StoredReceipt, 'at'>): Promise<void> {
    const { rows } = await this.#admin.query(putReceiptText, [operation, tenant, state, body, signature]);
    if (rows.length === 0) throw new BulkheadError('conflict', { operation });
  }

  async receipt(tenant: TenantId): Promise<StoredReceipt | undefined> {
    const { rows } = await this.#admin.query(receiptText, [tenant]);
    return rows[0] === undefined ? undefined : parseRow('erasure_receipt', receiptShape, rows[0]);
  }

  async #insert(erasures: readonly Erasure[]): Promise<readonly Erasure[]> {
    const { rows } = await this.#admin.query(insertText, [
      erasures.map(({ tenant }) => tenant),
      erasures.map((one) => one.slug),
      erasures.map(({ operation }) => operation),
      erasures.map(({ actor }) => actor.kind),
      erasures.map(({ actor }) => actor.id),
      erasures.map(({ at }) => at.toISOString()),
      erasures.map(({ signature }) => signature),
    ]);
    return rows.map(toErasure);
  }
}

function toErasure(row: unknown): Erasure {
  return parseRow('erasure', erasureShape, row);
}
