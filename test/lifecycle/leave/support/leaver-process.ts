/** A process of its own that makes a tenant leave, and dies at one of the steps: `node leaver-process.ts VERB TENANT STEP MOMENT`. */
import { readConfig } from '../../../../src/config.ts';
import { parseTenantId } from '../../../../src/core/ids.ts';
import { createBulkhead } from '../../../../src/create-bulkhead.ts';
import type { Checkpoint } from '../../../../src/lifecycle/journal.ts';

const [, , verb, rawTenant, deadly = '', moment] = process.argv;
const tenant = parseTenantId(rawTenant);
if (tenant === undefined) throw new Error('not a tenant id');

const checkpoint: Checkpoint = async (step, at) => {
  if (at !== moment || !(step === deadly || step.startsWith(`${deadly} `))) return;
  process.stdout.write(`${at} ${step}\n`);
  process.kill(process.pid, 'SIGKILL');
};

const actor = { kind: 'operator', id: 'leaver' } as const;
const node = await createBulkhead({ config: readConfig(process.env), checkpoint });
const slug = (await node.registry.tenants.read(tenant))?.slug ?? '';
if (verb === 'offboard') await node.lifecycle.offboard({ tenant }, actor);
else if (verb === 'reinstate') await node.lifecycle.reinstate(tenant, actor);
else await node.lifecycle.erase({ tenant, confirm: slug }, actor);
await node.close();
