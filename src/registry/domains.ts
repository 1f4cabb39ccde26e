import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { BulkheadError } from '../core/errors.ts';
import type { TenantId } from '../core/ids.ts';
import type { Actor } from '../core/scope.ts';
import type { AdminDatabase } from '../drivers/sql.ts';
import type { CatalogCache } from './catalog.ts';
import { instant, nullable, parseRow, tenantId } from './row-parts.ts';
import { refusing, writeAudited } from './write.ts';

/** A host name of a tenant's own. It names the tenant from when its owner has shown the challenge in its DNS. */
export interface TenantDomain {
  readonly domain: string;
  readonly tenant: TenantId;
  /** What the TXT record `recordName` must hold. */
  readonly challenge: string;
  readonly recordName: string;
  readonly verifiedAt: Date | undefined;
}

export interface DomainStore {
  /** Claims it; once more gives the same challenge. @throws value_invalid, tenant_not_found */
  claim(tenant: TenantId, domain: string, actor: Actor): Promise<TenantDomain>;
  /**
   * Looks for the challenge in DNS.
   * @throws domain_unproven where it is not there · conflict where another tenant has the domain · not_found
   */
  verify(tenant: TenantId, domain: string, actor: Actor): Promise<TenantDomain>;
  list(tenant: TenantId): Promise<readonly TenantDomain[]>;
  /** From then on it names nobody, on every node within a second. @throws not_found */
  remove(tenant: TenantId, domain: string, actor: Actor): Promise<void>;
}

/** The TXT records of a name, each in the pieces DNS has them in; rejects as Node's `resolveTxt` does. */
export type ResolveTxt = (name: string) => Promise<readonly (readonly string[])[]>;

const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
/** At least two labels, the last of them no number: an address is not a domain. */
const DOMAIN = new RegExp(`^(?=.{3,128}$)(?:${LABEL}\\.)+(?!\\d+$)${LABEL}$`);

/** @returns the name as it is stored and compared; undefined where it is no public host name */
export function parseDomain(raw: string): string | undefined {
  const domain = raw.toLowerCase().replace(/\.$/, '');
  return DOMAIN.test(domain) ? domain : undefined;
}

const columns = `domain, tenant_id::text as tenant, challenge, verified_at as "verifiedAt"`;
const rowShape = z.object({
  domain: z.string(),
  tenant: tenantId,
  challenge: z.string(),
  verifiedAt: nullable(instant),
});

// What is claimed already keeps its challenge, which may be in DNS by now.
const claimText = `insert into bulkhead.tenant_domain (domain, tenant_id, challenge)
  select $6, t.id, $7 from bulkhead.tenant t where t.id = $4::uuid and t.state <> 'deleted'
  on conflict (domain, tenant_id) do update set challenge = tenant_domain.challenge returning ${columns}`;

const verifyText = `update bulkhead.tenant_domain set verified_at = coalesce(verified_at, statement_timestamp())
  where tenant_id = $4::uuid and domain = $6 and challenge = $7 returning ${columns}`;

const removeText = `delete from bulkhead.tenant_domain where tenant_id = $4::uuid and domain = $6 returning domain`;

export interface DomainStoreOptions {
  readonly admin: AdminDatabase;
  readonly catalog: CatalogCache;
  readonly resolveTxt: ResolveTxt;
  /** Tenants have names below it already; nobody claims those. */
  readonly baseDomain: string | undefined;
}

export class SqlDomainStore implements DomainStore {
  readonly #options: DomainStoreOptions;

  constructor(options: DomainStoreOptions) {
    this.#options = options;
  }

  async claim(tenant: TenantId, raw: string, actor: Actor): Promise<TenantDomain> {
    const domain = this.#parse(raw);
    const note = { actor, action: 'domain.claimed', tenant, detail: { domain } };
    const challenge = `bulkhead-${randomBytes(20).toString('hex')}`;
    const [row] = await writeAudited(this.#options.admin, note, {
      write: claimText,
      values: [domain, challenge],
    });
    if (row === undefined) throw new BulkheadError('tenant_not_found', { tenant });
    return toDomain(row);
  }

  async verify(tenant: TenantId, raw: string, actor: Actor): Promise<TenantDomain> {
    const claimed = (await this.list(tenant)).find(({ domain }) => domain === parseDomain(raw));
    if (claimed === undefined) throw new BulkheadError('not_found');
    await this.#assertProven(claimed);
    const note = { actor, action: 'domain.verified', tenant, detail: { domain: claimed.domain } };
    const write = { write: verifyText, values: [claimed.domain, claimed.challenge] };
    const [row] = await refusing(writeAudited(this.#options.admin, note, write), {
      tenant_domain_verified_key: () =>
        new BulkheadError('conflict', {
          field: 'domain',
          reason: 'another tenant has shown that it is theirs',
        }),
    });
    if (row === undefined) throw new BulkheadError('not_found');
    this.#options.catalog.forget();
    return toDomain(row);
  }

  async list(tenant: TenantId): Promise<readonly TenantDomain[]> {
    const { rows } = await this.#options.admin.query(
      `select ${columns} from bulkhead.tenant_domain where tenant_id = $1::uuid order by domain`,
      [tenant],
    );
    return rows.map(toDomain);
  }

  async remove(tenant: TenantId, raw: string, actor: Actor): Promise<void> {
    const domain = parseDomain(raw);
    if (domain === undefined) throw new BulkheadError('not_found');
    const note = { actor, action: 'domain.removed', tenant, detail: { domain } };
    const [row] = await writeAudited(this.#options.admin, note, { write: removeText, values: [domain] });
    if (row === undefined) throw new BulkheadError('not_found');
    this.#options.catalog.forget();
  }

  #parse(raw: string): string {
    const { baseDomain } = this.#options;
    const domain = parseDomain(raw);
    const isOurs = domain !== undefined && (domain === baseDomain || domain.endsWith(`.${baseDomain ?? ''}`));
    if (domain === undefined || (baseDomain !== undefined && isOurs))
      throw new BulkheadError('value_invalid', {
        field: 'domain',
        reason:
          domain === undefined
            ? 'a host name of up to 128 characters, such as app.customer.com'
            : 'names below our own domain belong to slugs',
      });
    return domain;
  }

  async #assertProven({ recordName, challenge }: TenantDomain): Promise<void> {
    let records: readonly (readonly string[])[];
    try {
      records = await this.#options.resolveTxt(recordName);
    } catch (cause) {
      throw new BulkheadError(
        'domain_unproven',
        { field: 'domain', reason: `there is no TXT record ${recordName}, or DNS does not answer` },
        { cause },
      );
    }
    if (records.some((pieces) => pieces.join('') === challenge)) return;
    throw new BulkheadError('domain_unproven', {
      field: 'domain',
      reason: `no TXT record ${recordName} holds the challenge`,
    });
  }
}

function toDomain(row: unknown): TenantDomain {
  const parsed = parseRow('tenant_domain', rowShape, row);
  return { ...parsed, recordName: `_bulkhead-challenge.${parsed.domain}` };
}
