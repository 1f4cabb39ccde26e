import { BulkheadError } from '../../core/errors.ts';
import type { ExportRecord } from '../../core/export-record.ts';
import { newUuid7, parseRowId, type TenantId } from '../../core/ids.ts';
import type { CompartmentKind } from '../../core/placement.ts';
import type { Actor } from '../../core/scope.ts';
import type { Tenant } from '../../core/tenant.ts';
import type { Operation } from '../../registry/registry.ts';
import type { ImportInput, NewFromArchive, TenantInTheMaking } from '../archives.ts';
import type { Filling } from './fill.ts';
import type { Manifest } from './manifest.ts';
import { masked, parseMasking } from './mask.ts';
import { inTheMaking, insertLike, makeTenant } from './new-tenant.ts';
import { readRecords, verifyArchive, type ArchiveFile, type Trust } from './read.ts';
import { refused } from './refusal.ts';
import { assertReadable, kindsOf } from './schemas.ts';
import { dropSecrets, keepSecret, openStored, readKeptSecret, readMaskingSecret } from './stored-file.ts';
import { ArchiveProgress, type ArchiveDeps } from './work.ts';

const receivedBlob = (archive: string): string => `imports/${archive}`;

/** Stores what is sent, unread. */
export async function receiveArchive(
  { blobs }: Pick<ArchiveDeps, 'blobs'>,
  bytes: AsyncIterable<Uint8Array>,
): Promise<{ readonly archive: string; readonly sizeBytes: number }> {
  const archive = newUuid7();
  const { sizeBytes } = await blobs.write(receivedBlob(archive), bytes);
  return { archive, sizeBytes };
}

/** Looks at all of it, and only then makes anything. What was refused stays for a day: perhaps its passphrase was mistyped. */
export async function beginImport(
  deps: ArchiveDeps,
  input: ImportInput,
  actor: Actor,
): Promise<TenantInTheMaking> {
  const { archive, passphrase, trust = [], ...wanted } = input;
  const id = parseRowId(archive);
  if (id === undefined || (await deps.blobs.stat(receivedBlob(id))) === undefined)
    throw new BulkheadError('not_found', { reason: 'no archive was received under this name' });
  const work = { blob: receivedBlob(id), keep: 'until_imported', wanted, passphrase, trust } as const;
  return await importStored(deps, work, actor);
}

export interface StoredImport {
  readonly blob: string;
  readonly keep: 'until_imported' | 'always';
  readonly wanted: NewFromArchive;
  readonly passphrase?: string | undefined;
  readonly trust: readonly string[];
}

export async function importStored(
  deps: ArchiveDeps,
  work: StoredImport,
  actor: Actor,
): Promise<TenantInTheMaking> {
  const { blobs, registry } = deps;
  const { blob, wanted, passphrase } = work;
  const masking = wanted.masking === undefined ? null : parseMasking(wanted.masking);
  const opened = await openStored({ blobs, vault: registry.vault }, blob, { passphrase });
  const trust: Trust = { own: registry.signer, others: work.trust };
  const { manifest, tenant: like } = await verifyArchive(opened.file, trust);
  assertReadable(deps, manifest);
  await assertNotErased(deps, manifest.head.tenant, wanted);
  const input = {
    blob,
    keep: work.keep,
    sealed: opened.secret?.how.kind === 'passphrase',
    archive: manifest.head.id,
    schema: manifest.head.schema,
    kinds: kindsOf(manifest.sets),
    records: countOf(manifest),
    masking,
  };
  const making = { kind: 'import', input } as const;
  const begun = await insertLike(deps, { ...like, slug: manifest.head.slug }, { wanted, making, actor });
  const { operation } = begun;
  if (input.sealed && opened.secret !== undefined)
    await keepSecret(registry.vault, operation.id, opened.secret);
  return inTheMaking(begun, runImport(deps, operation, actor));
}

/** Whoever was erased here does not come back by accident. */
async function assertNotErased(
  { registry }: ArchiveDeps,
  tenant: TenantId,
  { erased }: NewFromArchive,
): Promise<void> {
  if (erased === 'accept' || (await registry.erasures.read(tenant)) === undefined) return;
  throw refused(
    'it is of a tenant that was erased here',
    'where the customer has come back, say that the archive of an erased tenant is accepted',
  );
}

function countOf({ sets }: Manifest): number {
  return sets.reduce((sum, { count }) => sum + count, 0);
}

/** The file was verified before the operation began, and nobody else writes there. */
export async function runImport(deps: ArchiveDeps, operation: Operation, actor: Actor): Promise<Tenant> {
  const { blobs, registry } = deps;
  const { input, id } = operation;
  const blob = input['blob'];
  if (typeof blob !== 'string') throw new BulkheadError('internal', { reason: 'an import of nothing' });
  const tidyUp = async (): Promise<void> => {
    await dropSecrets(registry.vault, id);
    if (input['keep'] !== 'always') await blobs.remove(blob);
  };
  const secret = input['sealed'] === true ? await readKeptSecret(registry.vault, id) : undefined;
  const file: ArchiveFile = {
    async *open() {
      const opened = await openStored({ blobs, vault: registry.vault }, blob, { secret });
      yield* opened.file.open();
    },
  };
  const fillings = toFillings(deps, { operation, file, masking: await readMasking(deps, operation) });
  try {
    const tenant = await makeTenant(deps, { operation, fillings, actor });
    await tidyUp();
    return tenant;
  } catch (cause) {
    const now = await registry.operations.read(id);
    if (now?.state !== 'running') await tidyUp();
    throw cause;
  }
}

type MaskRecords = (records: AsyncIterable<ExportRecord>) => AsyncIterable<ExportRecord>;

async function readMasking(deps: ArchiveDeps, { id, input }: Operation): Promise<MaskRecords> {
  if (input['masking'] === null) return (records) => records;
  const masking = parseMasking(input['masking']);
  const secret = await readMaskingSecret(deps.registry.vault, id);
  return (records) => masked(records, masking, secret);
}

function toFillings(
  deps: ArchiveDeps,
  work: { readonly operation: Operation; readonly file: ArchiveFile; readonly masking: MaskRecords },
): readonly Filling[] {
  const { operation, file, masking } = work;
  const { input, id } = operation;
  const progress = new ArchiveProgress(deps.operations, id, Number(input['records'] ?? 0));
  // Written by `importStored`, and by nobody else.
  const schemas = input['schema'] as Readonly<Record<string, string>>;
  return (input['kinds'] as readonly CompartmentKind[]).map((kind) => {
    const schema = schemas[kind];
    return {
      kind,
      // What has the newest shape is compared by hash.
      schema: schema === deps.newestSchemas.get(kind) ? undefined : schema,
      records: () => masking(progress.counted(readRecords(file, kind))),
    };
  });
}
