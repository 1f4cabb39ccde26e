interface TenantTable {
  /** Name the tenant, one or the other. */
  readonly columns: readonly string[];
  readonly type: 'uuid' | 'text';
  /**
   * What an erasure does with the rows. `keep`: they hold ids and counts alone, and say that there was a tenant.
   * `elsewhere`: the tenant's compartment gives them back, and the erasure looks whether it did.
   */
  readonly onErasure: 'delete' | 'keep' | 'elsewhere';
  readonly because: string;
}

/** Every table of the registry with rows about tenants; a test compares it with sql/control. */
export const tenantTables: Readonly<Record<string, TenantTable>> = {
  api_key: { columns: ['tenant_id'], type: 'uuid', onErasure: 'delete', because: 'names of keys, digests' },
  credential: { columns: ['owner'], type: 'text', onErasure: 'delete', because: 'secrets of the tenant' },
  placement: { columns: ['tenant_id'], type: 'uuid', onErasure: 'delete', because: 'where data was' },
  tenant_freeze: {
    columns: ['tenant_id'],
    type: 'uuid',
    onErasure: 'delete',
    because: 'a reason, in free text',
  },
  container_seat: {
    columns: ['tenant_id'],
    type: 'uuid',
    onErasure: 'elsewhere',
    because: 'a seat is free again',
  },
  vector_standing: {
    columns: ['tenant_id'],
    type: 'uuid',
    onErasure: 'delete',
    because: 'how many vectors it had',
  },
  usage_event: {
    columns: ['tenant_id'],
    type: 'uuid',
    onErasure: 'delete',
    because: 'what was used, call by call',
  },
  usage_hour: { columns: ['tenant_id'], type: 'uuid', onErasure: 'delete', because: 'when it was used' },
  usage_month: { columns: ['tenant_id'], type: 'uuid', onErasure: 'keep', because: 'sums that were billed' },
  usage_quarantine: {
    columns: ['tenant_id'],
    type: 'uuid',
    onErasure: 'delete',
    because: 'events as they came',
  },
  billing_profile: { columns: ['tenant_id'], type: 'uuid', onErasure: 'delete', because: 'its time zone' },
  tenant_domain: {
    columns: ['tenant_id'],
    type: 'uuid',
    onErasure: 'delete',
    because: 'host names of its own',
  },
  umbrella_grant: {
    columns: ['reader_id', 'child_id'],
    type: 'uuid',
    onErasure: 'delete',
    because: 'who could read it, and whom it could read',
  },
  server: {
    columns: ['claimed_by'],
    type: 'uuid',
    onErasure: 'elsewhere',
    because: 'a server is free again',
  },
  backup: {
    columns: ['tenant_id'],
    type: 'uuid',
    onErasure: 'delete',
    because: 'sizes and times of its backups, which nobody can read any more',
  },
  taken_slug: {
    columns: ['tenant_id'],
    type: 'uuid',
    onErasure: 'keep',
    because: 'slugs are not given out twice',
  },
  operation: {
    columns: ['tenant_id'],
    type: 'uuid',
    onErasure: 'keep',
    because: 'what was done, in ids and counts',
  },
  audit_event: {
    columns: ['tenant_id'],
    type: 'uuid',
    onErasure: 'keep',
    because: 'who did it, in ids and codes',
  },
  fleet_run_container: {
    columns: ['tenant_id'],
    type: 'uuid',
    onErasure: 'keep',
    because: 'which migrations its container had',
  },
  erasure: { columns: ['tenant_id'], type: 'uuid', onErasure: 'keep', because: 'the ledger of erasures' },
  erasure_receipt: { columns: ['tenant_id'], type: 'uuid', onErasure: 'keep', because: 'the receipt' },
};

/** A condition on a table's rows: that they are about the tenant of parameter 1. */
export function isAbout({ columns, type }: Pick<TenantTable, 'columns' | 'type'>): string {
  return `(${columns.map((column) => `${column} = $1::uuid::${type}`).join(' or ')})`;
}
