import { createHash, type Hash } from 'node:crypto';
import { BulkheadError } from '../../core/errors.ts';
import type { Tenant } from '../../core/tenant.ts';
import type { Operation } from '../../registry/registry.ts';
import type { ArchiveReceipt } from '../archives.ts';
import type { Step } from '../journal.ts';
import { formatName, formatVersion, type Head, type Manifest, type TenantPart } from './manifest.ts';
import { verifyArchive } from './read.ts';
import { sealBytes } from './seal.ts';
import { toSealedHead, type SealingSecret } from './sealed-head.ts';
import { openStored } from './stored-file.ts';
import { ArchiveProgress, isPassing, type ArchiveDeps } from './work.ts';
import { writeArchive } from './write.ts';

export interface Writing {
  readonly tenant: Tenant;
  readonly operation: Operation;
  /** Of the archive. */
  readonly id: string;
  readonly blob: string;
  /** undefined = it is not sealed. */
  readonly secret: SealingSecret | undefined;
}

/** Writes a tenant into a blob, then reads all of it back. */
export function writingSteps(deps: ArchiveDeps, work: Writing): readonly Step[] {
  return [
    { name: 'write', run: () => writeStored(deps, work) },
    { name: 'verify', run: () => verifyStored(deps, work) },
  ];
}

async function writeStored(deps: ArchiveDeps, work: Writing): Promise<ArchiveReceipt> {
  const { tenant, secret, id } = work;
  const progress = new ArchiveProgress(deps.operations, work.operation.id);
  let manifest: Manifest | undefined;
  const archive = writeArchive({
    head: toHead(deps, work),
    tenant: {
      name: tenant.name,
      plan: tenant.plan,
      isolation: tenant.isolation,
      region: tenant.region ?? null,
      features: [...tenant.features],
      settings: tenant.settings as TenantPart['settings'],
    },
    compartments: deps.compartments.flatMap((compartment) => {
      const placement = tenant.placements.find((each) => each.compartment === compartment.kind);
      return placement === undefined || isPassing(compartment.kind)
        ? []
        : [{ kind: compartment.kind, records: () => compartment.export(placement) }];
    }),
    signer: deps.registry.signer,
    wrote: progress.count,
    now: () => new Date(deps.clock.nowMs()),
  });
  const plain = (async function* () {
    manifest = yield* archive;
  })();
  const bytes =
    secret === undefined
      ? plain
      : sealBytes(plain, toSealedHead(secret, { tenant: tenant.id, id }), secret.key);
  const file = createHash('sha256');
  const { sizeBytes } = await deps.blobs.write(work.blob, hashing(bytes, file));
  if (manifest === undefined)
    throw new BulkheadError('internal', { reason: 'an archive without a manifest' });
  return toReceipt(manifest, { sizeBytes, fileSha256: file.digest('hex') });
}

async function* hashing(
  bytes: AsyncIterable<Uint8Array>,
  hash: Hash,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of bytes) {
    hash.update(chunk);
    yield chunk;
  }
}

function toHead(deps: ArchiveDeps, { tenant, id }: Writing): Head {
  const schema: Head['schema'] = {};
  for (const { compartment, container } of tenant.placements) {
    if (isPassing(compartment)) continue;
    const version = deps.registry.versions.peek(container) ?? deps.newestSchemas.get(compartment);
    if (version !== undefined) schema[compartment] = version;
  }
  return {
    format: formatName,
    formatVersion,
    bulkhead: deps.version,
    id,
    tenant: tenant.id,
    slug: tenant.slug,
    createdAt: new Date(deps.clock.nowMs()).toISOString(),
    schema,
  };
}

function toReceipt(
  { sets, sha256 }: Manifest,
  file: Pick<ArchiveReceipt, 'sizeBytes' | 'fileSha256'>,
): ArchiveReceipt {
  return { records: sets.reduce((sum, { count }) => sum + count, 0), sets, hash: sha256, ...file };
}

/** What was read back must be what was written, which only the file itself can say. */
async function verifyStored(deps: ArchiveDeps, work: Writing): Promise<ArchiveReceipt> {
  const { blobs, registry } = deps;
  const digest = createHash('sha256');
  for await (const chunk of blobs.read(work.blob)) digest.update(chunk);
  const { file } = await openStored({ blobs, vault: registry.vault }, work.blob, { secret: work.secret });
  const progress = new ArchiveProgress(deps.operations, work.operation.id);
  const { manifest } = await verifyArchive(file, { own: registry.signer, others: [] }, progress.count);
  if (manifest.head.tenant !== work.tenant.id || manifest.head.id !== work.id)
    throw new BulkheadError('archive_refused', { reason: 'it is the archive of another tenant' });
  const found = await blobs.stat(work.blob);
  return toReceipt(manifest, { sizeBytes: found?.sizeBytes ?? 0, fileSha256: digest.digest('hex') });
}
