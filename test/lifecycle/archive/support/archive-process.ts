/** A process of its own that does one thing and may die at a step of it: `node archive-process.ts WORK SUBJECT STEP`. */
import { readConfig } from '../../../../src/config.ts';
import { parseTenantId } from '../../../../src/core/ids.ts';
import { createBulkhead } from '../../../../src/create-bulkhead.ts';
import type { Checkpoint } from '../../../../src/lifecycle/journal.ts';

const [, , work = '', subject = '', deadly] = process.argv;
const actor = { kind: 'operator', id: 'worker' } as const;

const checkpoint: Checkpoint = async (step, moment) => {
  if (step === deadly && moment === 'after') process.kill(process.pid, 'SIGKILL');
};

const node = await createBulkhead({ config: readConfig(process.env), checkpoint });
const tenant = parseTenantId(subject);
if (work === 'restore') await (await node.lifecycle.beginRestore(subject, actor)).ended;
else if (tenant === undefined) throw new Error('not a tenant');
else if (work === 'backup') await (await node.lifecycle.beginBackup(tenant, actor)).ended;
else if (work === 'swap') await node.lifecycle.swapRestore(tenant, actor);
else if (work === 'confirm') await node.lifecycle.confirmRestore(tenant, actor);
else if (work === 'clone')
  await (
    await node.lifecycle.beginClone(
      { from: tenant, slug: `clone-${process.pid}`, masking: { '*': 'keep' } },
      actor,
    )
  ).ended;
await node.close();
