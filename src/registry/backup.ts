import type { ErrorCode } from '../core/errors.ts';
import type { TenantId } from '../core/ids.ts';

export const backupStates = ['writing', 'ready', 'damaged', 'failed'] as const;
export type BackupState = (typeof backupStates)[number];

/** One backup of one tenant, as the registry knows it; the file is elsewhere. */
export interface Backup {
  readonly id: string;
  readonly tenant: TenantId;
  readonly state: BackupState;
  readonly reason: 'schedule' | 'request';
  readonly records: number | undefined;
  readonly sizeBytes: number | undefined;
  /** SHA-256 of the archive inside, up to its manifest. */
  readonly hash: string | undefined;
  readonly createdAt: Date;
  readonly readyAt: Date | undefined;
  /** The last time it was read and found whole. */
  readonly verifiedAt: Date | undefined;
  /** The last time it was restored, compared and thrown away. */
  readonly drilledAt: Date | undefined;
  readonly failure: { readonly code: ErrorCode; readonly reason: string } | undefined;
}

/** Tenant settings that say when backups are made and how long they are kept; with the plan's and the global default behind them. */
export const backupSettings = {
  /** Hours between two; 0, or nothing, = none are made. */
  everyHours: 'backup.every_hours',
  /** So many of the schedule's are kept. Default 7. */
  keep: 'backup.keep',
  /** And none that is older, but the last. Default 35. */
  keepDays: 'backup.keep_days',
} as const;

export interface BackupStore {
  /** State `writing`. @throws tenant_not_found */
  add(backup: Pick<Backup, 'id' | 'tenant' | 'reason'>): Promise<Backup>;
  /**
   * Backups that are due by the database's clock, as rows in state `writing`: whoever is given one makes it, and no other
   * node is given it too.
   */
  claimDue(limit: number): Promise<readonly Backup[]>;
  ready(
    id: string,
    what: { readonly records: number; readonly sizeBytes: number; readonly hash: string },
  ): Promise<void>;
  failed(id: string, failure: NonNullable<Backup['failure']>): Promise<void>;
  verified(id: string, state: 'ready' | 'damaged'): Promise<void>;
  drilled(id: string): Promise<void>;
  read(id: string): Promise<Backup | undefined>;
  /** The newest first. */
  list(query: { readonly tenant?: TenantId | undefined; readonly limit: number }): Promise<readonly Backup[]>;
  /** The schedule's backups of a tenant that its settings do not keep any longer, and failures nobody needs to know any more. */
  expired(tenant: TenantId): Promise<readonly Backup[]>;
  remove(id: string): Promise<void>;
}
