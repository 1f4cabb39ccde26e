import { readConfig } from '../../../src/config.ts';
import { createBulkhead } from '../../../src/create-bulkhead.ts';

/** A process that migrates, one container at a time so that there is a middle, and is killed from outside. */
const node = await createBulkhead({ config: readConfig(process.env) });
await node.fleet.migrate({ canary: 1_000, workers: 1 }, { kind: 'operator', id: 'killed' }, ({ ended }) =>
  process.stdout.write(`${ended}\n`),
);
process.stdout.write('finished\n');
await node.close();
