/** A process of its own that records usage and says what was acknowledged: `node ledger-process.ts URL FOLDER TENANT`. */
import { Ledger } from '../../../src/billing/ledger/ledger.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { newUuid7, parseTenantId } from '../../../src/core/ids.ts';
import { openPostgresAdmin } from '../../../src/drivers/postgres/open.ts';

const [, , url = '', folder = '', rawTenant] = process.argv;
const tenant = parseTenantId(rawTenant);
if (tenant === undefined) throw new Error('not a tenant id');
const ledger = await Ledger.open({
  admin: openPostgresAdmin({ url, applicationName: 'ledger-process' }),
  folder,
  clock: systemClock,
  log: () => undefined,
  durability: 'synced',
  retentionDays: 400,
});
const actor = { kind: 'system', id: 'test' } as const;

/** Acknowledged events are named, and requests counted, before the next is begun. */
async function recordOne(): Promise<void> {
  const atMs = Date.now();
  const id = newUuid7(atMs);
  const rating = { model: '', rate: 'standard', costNanoUsd: 1n, priceVersion: 1 } as const;
  await ledger.append([
    {
      ...rating,
      id,
      tenant: tenant as NonNullable<typeof tenant>,
      actor,
      atMs,
      meter: 'test.events',
      amount: 1n,
      requestId: undefined,
      callId: undefined,
      corrects: undefined,
    },
  ]);
  process.stdout.write(`event ${id}\n`);
  ledger.meter({
    tenant: tenant as NonNullable<typeof tenant>,
    actor,
    atMs,
    requestId: id,
    amounts: [['requests', 1]],
  });
  process.stdout.write(`request ${id}\n`);
}

await Promise.all(
  Array.from({ length: 8 }, async () => {
    for (;;) await recordOne();
  }),
);
