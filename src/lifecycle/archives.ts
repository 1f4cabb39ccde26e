import type { TenantId } from '../core/ids.ts';
import type { Actor } from '../core/scope.ts';
import type { Tenant } from '../core/tenant.ts';
import type { Operation } from '../registry/registry.ts';
import type { SetPart } from './archive/manifest.ts';

export interface ExportInput {
  readonly tenant: TenantId;
  /** The archive is sealed with it. Kept until the archive has been written and nowhere afterwards. */
  readonly passphrase?: string | undefined;
}

/** What an export or a backup has written, read back and found equal. */
export interface ArchiveReceipt {
  readonly records: number;
  readonly sizeBytes: number;
  readonly sets: readonly SetPart[];
  /** SHA-256 of the archive up to its manifest. */
  readonly hash: string;
  /** Of the file as it lies there, sealed or not. */
  readonly fileSha256: string;
}

export interface ExportStatus {
  readonly operation: Operation;
  /** undefined = not done. */
  readonly receipt: ArchiveReceipt | undefined;
  /** Whether the file is still there to be taken. */
  readonly isKept: boolean;
}

/** What the new tenant shall be; what is left out is as the archive says, where this installation has it. */
export interface NewFromArchive {
  readonly slug?: string | undefined;
  readonly name?: string | undefined;
  readonly plan?: string | undefined;
  readonly isolation?: string | undefined;
  readonly region?: string | undefined;
  readonly parent?: string | undefined;
  readonly server?: string | undefined;
  /** What is done to values on their way in. Default: nothing. */
  readonly masking?: Masking | undefined;
  /** What becomes of the archive of a tenant that was erased here. Default: it is refused. */
  readonly erased?: 'accept' | undefined;
}

export interface ImportInput extends NewFromArchive {
  /** As `receiveArchive` has named it. */
  readonly archive: string;
  readonly passphrase?: string | undefined;
  /** Public keys of other installations whose archives are taken, 32 bytes each as base64url. */
  readonly trust?: readonly string[] | undefined;
}

export const masks = ['keep', 'null', 'hash', 'email', 'name', 'text', 'json'] as const;
export type Mask = (typeof masks)[number];

/** By field: `users.email`, `users.*`, `*.email` or `*`; the most exact rule counts. Every field needs one. */
export type Masking = Readonly<Record<string, Mask>>;

export interface CloneInput extends NewFromArchive {
  readonly from: TenantId;
  readonly slug: string;
  readonly masking: Masking;
}

/** A tenant that is being made from something. `ended` settles with it, or throws after everything is undone. */
export interface TenantInTheMaking {
  readonly tenant: Tenant;
  readonly operation: Operation;
  readonly ended: Promise<Tenant>;
}

/** Tenants as files, and files as tenants. */
export interface Archives {
  /** @throws tenant_not_found, transition_refused, operation_in_progress, value_invalid for a short passphrase */
  beginExport(
    input: ExportInput,
    actor: Actor,
  ): Promise<{ readonly operation: Operation; readonly ended: Promise<ArchiveReceipt> }>;
  /** @throws not_found */
  exportOf(operation: string): Promise<ExportStatus>;
  /** The archive itself. @throws not_found where it is not done, or was taken away after its day */
  readExport(operation: string): Promise<{
    readonly sizeBytes: number;
    readonly sha256: string;
    readonly slug: string;
    readonly bytes: AsyncIterable<Uint8Array>;
  }>;
  /** Stores what is sent, unread, for a day. @returns its name for `beginImport` @throws blob_unwritable */
  receiveArchive(
    bytes: AsyncIterable<Uint8Array>,
  ): Promise<{ readonly archive: string; readonly sizeBytes: number }>;
  /**
   * Reads the archive wholly before anything is made of it; it is removed when it has been imported.
   * @throws not_found, archive_refused, blob_unwritable, and whatever creating a tenant can throw
   */
  beginImport(input: ImportInput, actor: Actor): Promise<TenantInTheMaking>;
  /** @throws tenant_not_found, transition_refused, value_invalid for rules that are not rules, and as creating a tenant */
  beginClone(input: CloneInput, actor: Actor): Promise<TenantInTheMaking>;
  /** Removes exports that are a day old, and what dead processes left. @returns how many files */
  sweepArchives(): Promise<number>;
}
