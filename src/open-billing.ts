import { join } from 'node:path';
import { createBilling, type Billing } from './billing/billing.ts';
import { Ledger } from './billing/ledger/ledger.ts';
import { MeterStore } from './billing/meter-store.ts';
import { PriceStore } from './billing/prices/price-store.ts';
import type { Config } from './config.ts';
import type { Clock } from './core/clock.ts';
import type { Compartment } from './core/compartment.ts';
import type { AdminDatabase } from './drivers/sql.ts';
import type { Registry } from './registry/registry.ts';

/** Metering and cost over the control database. What must be closed is left on `stack`. */
export async function openBilling(
  input: {
    readonly config: Config;
    readonly clock: Clock;
    readonly log: (event: Readonly<Record<string, unknown>>) => void;
  },
  parts: {
    readonly admin: AdminDatabase;
    readonly registry: Registry;
    readonly compartments: readonly Compartment[];
  },
  stack: AsyncDisposableStack,
): Promise<Billing> {
  const { config, clock, log } = input;
  const { admin } = parts;
  const folder = join(config.dataDir, 'ledger');
  const ledger = stack.use(await Ledger.open({ ...config.usage, admin, clock, log, folder }));
  const meters = new MeterStore(admin);
  return createBilling({ ...parts, clock, log, ledger, meters, prices: new PriceStore(admin, clock) });
}
