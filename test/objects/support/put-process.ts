import { ObjectKeys } from '../../../src/compartments/objects/keys.ts';
import { TenantBlobs } from '../../../src/compartments/objects/blobs-of.ts';
import { parseTenantId } from '../../../src/core/ids.ts';
import { openFolderStore } from '../../../src/drivers/objects-folder/folder.ts';

/** Writes an object slowly, piece after piece, and says so after each; killed in the middle by its test. */
const [folder = '', tenantText, key = ''] = process.argv.slice(2);
const tenant = parseTenantId(tenantText);
if (tenant === undefined) throw new Error('no tenant');
const keys = await ObjectKeys.open({ putOnce: async () => key, get: async () => key, drop: async () => 0 });
const placement = {
  tenant,
  compartment: 'objects',
  isolation: 'shared',
  container: 'folder:shared',
} as const;
const blobs = new TenantBlobs(openFolderStore(folder), keys, placement);

async function* slowly(): AsyncGenerator<Uint8Array> {
  for (let piece = 0; piece < 1_000; piece += 1) {
    yield Buffer.alloc(100_000, piece);
    process.stdout.write(`${piece}\n`);
    await new Promise((wake) => setTimeout(wake, 5));
  }
}

await blobs.write({
  given: { name: 'contract', contentType: 'text/plain', metadata: {}, updatedAtMs: 0 },
  content: slowly(),
  maxBytes: 1e9,
});
process.stdout.write('stored\n');
