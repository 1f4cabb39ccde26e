import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createBilling, type Billing } from '../../../src/billing/billing.ts';
import { Ledger } from '../../../src/billing/ledger/ledger.ts';
import { MeterStore } from '../../../src/billing/meter-store.ts';
import { PriceStore } from '../../../src/billing/prices/price-store.ts';
import { systemClock } from '../../../src/core/clock.ts';
import type { TenantId } from '../../../src/core/ids.ts';
import type { AdminDatabase } from '../../../src/drivers/sql.ts';
import type { Registry } from '../../../src/registry/registry.ts';
import { insertActive, makeRegistry, type Dialect } from '../../registry/support.ts';

/** Billing on an installed registry, with the database at hand. */
export interface BillingBed extends AsyncDisposable {
  readonly admin: AdminDatabase;
  readonly url: string;
  readonly registry: Registry;
  readonly folder: string;
  readonly billing: Billing;
  readonly log: readonly Readonly<Record<string, unknown>>[];
  /** One more process on the same folder and database, as far as it goes in one. */
  another(admin?: AdminDatabase): Promise<Billing>;
  tenant(plan?: string): Promise<TenantId>;
}

export async function openBillingBed(dialect: Dialect): Promise<BillingBed> {
  const made = await makeRegistry(dialect);
  const folder = await mkdtemp(join(tmpdir(), 'bulkhead-ledger-'));
  const log: Readonly<Record<string, unknown>>[] = [];
  const opened: Ledger[] = [];
  const open = async (admin: AdminDatabase): Promise<Billing> => {
    const ledger = await Ledger.open({
      admin,
      folder,
      clock: systemClock,
      log: (event) => log.push(event),
      durability: 'synced',
      retentionDays: 400,
    });
    opened.push(ledger);
    return createBilling({
      admin,
      ledger,
      clock: systemClock,
      registry: made.registry,
      compartments: [],
      log: (event) => log.push(event),
      meters: new MeterStore(admin),
      prices: new PriceStore(admin, systemClock),
    });
  };
  const { admin, url } = made.database;
  return {
    admin,
    url,
    folder,
    log,
    registry: made.registry,
    billing: await open(admin),
    another: (other) => open(other ?? made.database.connect()),
    tenant: async (plan = 'enterprise') => (await insertActive(made.registry, { plan })).id,
    async [Symbol.asyncDispose]() {
      for (const ledger of opened) await ledger[Symbol.asyncDispose]();
      await made[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
