/** A process of its own that moves a tenant, and may die at one of the steps: `node mover.ts TENANT ISOLATION [STEP MOMENT]`. */
import { readConfig } from '../../../../src/config.ts';
import { parseTenantId } from '../../../../src/core/ids.ts';
import { createBulkhead } from '../../../../src/create-bulkhead.ts';
import type { Checkpoint } from '../../../../src/lifecycle/journal.ts';

const [, , rawTenant, isolation = '', deadly, moment] = process.argv;
const tenant = parseTenantId(rawTenant);
if (tenant === undefined) throw new Error('not a tenant id');

const checkpoint: Checkpoint = async (step, at) => {
  process.stdout.write(`${at} ${step}\n`);
  if (step === deadly && at === moment) process.kill(process.pid, 'SIGKILL');
};

const node = await createBulkhead({ config: readConfig(process.env), checkpoint });
await node.lifecycle.move({ tenant, isolation }, { kind: 'operator', id: 'mover' });
await node.close();
