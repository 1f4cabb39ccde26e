import { access, chmod, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import type { BlobStore } from '../../../src/core/blob-store.ts';
import { BulkheadError } from '../../../src/core/errors.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { openFolderBlobs } from '../../../src/drivers/folder-blobs.ts';
import { createLifecycle } from '../../../src/lifecycle/create-lifecycle.ts';
import { describeOnEachStore } from '../../support/each-store.ts';
import { operator } from '../../support/node.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

describeOnEachStore('the schedule of backups', (store) => {
  test('makes what is due once, whichever nodes ask, and keeps as many as it shall', async () => {
    const { bed } = store();
    const { lifecycle, registry } = bed.node;
    const tenant = await bed.tenant('shared');
    expect(await lifecycle.backUpDue()).toBe(0);
    await registry.settings.set(tenant.id, 'backup.every_hours', 1, operator);
    await registry.settings.set(tenant.id, 'backup.keep', 2, operator);
    const made = await Promise.all([lifecycle.backUpDue(), lifecycle.backUpDue(), lifecycle.backUpDue()]);
    expect(made.reduce((sum, each) => sum + each, 0)).toBe(1);
    expect(await lifecycle.backUpDue()).toBe(0);
    // A few milliseconds are, on a quick machine, still to come.
    const whenDue = () =>
      vi.waitFor(
        async () => {
          const claimed = await registry.backups.claimDue(1);
          expect(claimed).toHaveLength(1);
          return claimed;
        },
        { timeout: 10_000, interval: 5 },
      );
    // Every two minutes is due at once in a test that moves the hour along.
    await registry.settings.set(tenant.id, 'backup.every_hours', 1e-6, operator);
    for (let round = 0; round < 3; round += 1) {
      const claimed = await whenDue();
      for (const { id } of claimed) await registry.backups.remove(id);
      await registry.settings.set(tenant.id, 'backup.every_hours', 1e-6, operator);
      const [due] = await whenDue();
      expect(due?.reason).toBe('schedule');
      await registry.backups.ready(due?.id ?? '', { records: 0, sizeBytes: 0, hash: '0'.repeat(64) });
    }
    await registry.settings.set(tenant.id, 'backup.every_hours', 0, operator);
    const asked = await (await lifecycle.beginBackup(tenant.id, operator)).ended;
    const left = await registry.backups.list({ tenant: tenant.id, limit: 10 });
    expect(left.filter(({ reason }) => reason === 'schedule')).toHaveLength(2);
    expect(left.map(({ id }) => id)).toContain(asked.id);
  });

  test('a tenant that is erased takes the files of its backups along', async () => {
    const { bed } = store();
    const { lifecycle, config } = bed.node;
    const tenant = await bed.tenant('shared');
    const backup = await (await lifecycle.beginBackup(tenant.id, operator)).ended;
    const path = join(config.archiveDir, 'backups', backup.id);
    await access(path);
    const { receipt } = await lifecycle.erase({ tenant: tenant.id, confirm: tenant.slug }, operator);
    expect(receipt.state).toBe('complete');
    await expect(access(path)).rejects.toThrow('ENOENT');
    await expect(lifecycle.beginRestore(backup.id, operator)).rejects.toMatchObject({ code: 'not_found' });
  });

  test('a place without room is told so, nothing half-written stays, and the tenant is not disturbed', async () => {
    const { bed } = store();
    const { registry, compartments, config } = bed.node;
    const tenant = await bed.tenant('shared');
    await bed.node.run(tenant.id, async (scope) => {
      await using rows = await bed.node.rows.open(scope);
      await rows.sql`insert into documents (title, content) select 't', repeat('c', 500) from generate_series(1, 200)`;
    });
    const folder = openFolderBlobs(config.archiveDir);
    /** The real folder, on a disk that is full after some bytes. */
    const full: BlobStore = {
      ...folder,
      write: (name, bytes) =>
        folder.write(
          name,
          (async function* () {
            let written = 0;
            for await (const chunk of bytes) {
              written += chunk.length;
              if (written > 2_000) throw new BulkheadError('blob_unwritable', { reason: 'ENOSPC' });
              yield chunk;
            }
          })(),
        ),
    };
    const archives = { blobs: full, version: '0.0.0', newestSchemas: new Map() };
    const lifecycle = createLifecycle({ registry, compartments, clock: systemClock, archives });
    const filesBefore = await readdir(join(config.archiveDir, 'backups')).catch(() => []);
    const { ended, backup } = await lifecycle.beginBackup(tenant.id, operator);
    await expect(ended).rejects.toMatchObject({ code: 'blob_unwritable' });
    expect((await registry.backups.read(backup.id))?.state).toBe('failed');
    expect(await readdir(join(config.archiveDir, 'backups')).catch(() => [])).toEqual(filesBefore);
    const again = await (await bed.node.lifecycle.beginBackup(tenant.id, operator)).ended;
    expect(again.state).toBe('ready');
  });
});

test('a folder that may not be written answers blob_unwritable', async () => {
  const { mkdtemp, rm } = await import('node:fs/promises');
  const { tmpdir } = await import('node:os');
  const path = await mkdtemp(join(tmpdir(), 'bulkhead-blobs-'));
  const blobs = openFolderBlobs(path);
  const bytes = async function* (): AsyncGenerator<Uint8Array> {
    yield Buffer.from('x');
  };
  await expect(blobs.write('../outside', bytes())).rejects.toMatchObject({ code: 'internal' });
  await blobs.write('a/b', bytes());
  expect(await blobs.list('a')).toEqual(['a/b']);
  if (process.getuid?.() !== 0) {
    await chmod(join(path, 'a'), 0o500);
    await expect(blobs.write('a/c', bytes())).rejects.toMatchObject({ code: 'blob_unwritable' });
    await chmod(join(path, 'a'), 0o700);
  }
  await rm(path, { recursive: true });
});
