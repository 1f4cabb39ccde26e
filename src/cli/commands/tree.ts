import type { Command } from 'commander';
import type { Cli } from '../session.ts';
import { adoptCommand } from './adopt.ts';
import { adviseCommand } from './advise.ts';
import { cacheClearCommand } from './cache-clear.ts';
import { archiveKeyCommand } from './archive-key.ts';
import {
  backupConfirmCommand,
  backupDrillCommand,
  backupRestoreCommand,
  backupRollbackCommand,
  backupSwapCommand,
} from './backup-restore.ts';
import {
  backupCreateCommand,
  backupDeleteCommand,
  backupListCommand,
  backupVerifyCommand,
} from './backup.ts';
import { completionCommand } from './completion.ts';
import { costCommand } from './cost.ts';
import { demoCommand } from './demo.ts';
import { doctorCommand } from './doctor.ts';
import {
  evidenceKeyCommand,
  evidenceMakeCommand,
  evidenceReportCommand,
  evidenceVerifyCommand,
} from './evidence.ts';
import { readinessCommand } from './readiness.ts';
import { verifyCommand } from './verify.ts';
import { driftCommand } from './drift.ts';
import { erasureExportCommand } from './erasure-export.ts';
import { erasureImportCommand } from './erasure-import.ts';
import { group } from './group.ts';
import { invoiceCommand } from './invoice.ts';
import { keyCreateCommand } from './key-create.ts';
import { keyListCommand } from './key-list.ts';
import { keyRevokeCommand } from './key-revoke.ts';
import { keyRotateCommand } from './key-rotate.ts';
import { migrateCommand } from './migrate.ts';
import { operationCancelCommand } from './operation-cancel.ts';
import { operationListCommand } from './operation-list.ts';
import { operationShowCommand } from './operation-show.ts';
import { orphanListCommand } from './orphan-list.ts';
import { orphanRemoveCommand } from './orphan-remove.ts';
import { planListCommand } from './plan-list.ts';
import { priceImportCommand } from './price-import.ts';
import { priceListCommand } from './price-list.ts';
import { proveCommand } from './prove.ts';
import { receiptShowCommand } from './receipt-show.ts';
import { serveCommand } from './serve.ts';
import { serverAddCommand } from './server-add.ts';
import { serverListCommand } from './server-list.ts';
import { tenantCancelOffboardingCommand } from './tenant-cancel-offboarding.ts';
import { tenantCreateCommand } from './tenant-create.ts';
import { tenantEraseCommand } from './tenant-erase.ts';
import { tenantHuntCommand } from './tenant-hunt.ts';
import { tenantCloneCommand } from './tenant-clone.ts';
import { tenantExportCommand } from './tenant-export.ts';
import { tenantImportCommand } from './tenant-import.ts';
import { tenantListCommand } from './tenant-list.ts';
import { tenantMoveConfirmCommand, tenantMoveRollbackCommand } from './tenant-move-end.ts';
import { tenantMoveCommand } from './tenant-move.ts';
import { tenantOffboardCommand } from './tenant-offboard.ts';
import { tenantResumeCommand } from './tenant-resume.ts';
import { tenantSecretCommand } from './tenant-secret.ts';
import { tenantShowCommand } from './tenant-show.ts';
import { tenantTemplateCommand } from './tenant-template.ts';
import { tenantSuspendCommand } from './tenant-suspend.ts';
import { usageCommand } from './usage.ts';
import { umbrellaGrantCommand } from './umbrella-grant.ts';
import { umbrellaListCommand } from './umbrella-list.ts';
import { umbrellaRevokeCommand } from './umbrella-revoke.ts';

/** Every command, in the order the help lists them. */
export function createTree(cli: Cli, program: () => Command): readonly Command[] {
  return [
    serveCommand(cli),
    group('tenant', 'customers: create, list, show, suspend, resume, move, offboard, erase', [
      tenantCreateCommand(cli),
      tenantListCommand(cli),
      tenantShowCommand(cli),
      tenantSuspendCommand(cli),
      tenantResumeCommand(cli),
      tenantMoveCommand(cli),
      tenantMoveConfirmCommand(cli),
      tenantMoveRollbackCommand(cli),
      tenantExportCommand(cli),
      tenantImportCommand(cli),
      tenantCloneCommand(cli),
      tenantTemplateCommand(cli),
      tenantOffboardCommand(cli),
      tenantCancelOffboardingCommand(cli),
      tenantEraseCommand(cli),
      tenantHuntCommand(cli),
      tenantSecretCommand(cli),
    ]),
    group('key', 'API keys of a tenant: create, list, revoke, rotate', [
      keyCreateCommand(cli),
      keyListCommand(cli),
      keyRevokeCommand(cli),
      keyRotateCommand(cli),
    ]),
    group('cache', 'what is cached for tenants', [cacheClearCommand(cli)]),
    group('umbrella', 'who may read the tenants below: grant, list, revoke', [
      umbrellaGrantCommand(cli),
      umbrellaListCommand(cli),
      umbrellaRevokeCommand(cli),
    ]),
    group('plan', 'what tenants can buy', [planListCommand(cli)]),
    group('server', 'database servers that tenants are placed on', [
      serverListCommand(cli),
      serverAddCommand(cli),
    ]),
    group('operation', 'long pieces of work on tenants', [
      operationShowCommand(cli),
      operationListCommand(cli),
      operationCancelCommand(cli),
    ]),
    usageCommand(cli),
    costCommand(cli),
    invoiceCommand(cli),
    group('price', 'price lists: list, import', [priceListCommand(cli), priceImportCommand(cli)]),
    adviseCommand(cli),
    group('receipt', 'receipts of erasures', [receiptShowCommand(cli)]),
    group('erasure', 'the ledger of erasures, which keeps erased what was erased', [
      erasureExportCommand(cli),
      erasureImportCommand(cli),
    ]),
    group('orphan', 'what the stores hold and no living tenant has', [
      orphanListCommand(cli),
      orphanRemoveCommand(cli),
    ]),
    group('backup', 'backups of single tenants, and the ways back', [
      backupCreateCommand(cli),
      backupListCommand(cli),
      backupVerifyCommand(cli),
      backupRestoreCommand(cli),
      backupSwapCommand(cli),
      backupConfirmCommand(cli),
      backupRollbackCommand(cli),
      backupDrillCommand(cli),
      backupDeleteCommand(cli),
    ]),
    group('archive', 'files of tenants', [archiveKeyCommand(cli)]),
    migrateCommand(cli),
    driftCommand(cli),
    adoptCommand(cli),
    doctorCommand(cli),
    proveCommand(cli),
    verifyCommand(cli),
    group('evidence', 'what was verified, signed: make, verify, report, key', [
      evidenceMakeCommand(cli),
      evidenceVerifyCommand(cli),
      evidenceReportCommand(cli),
      evidenceKeyCommand(cli),
    ]),
    readinessCommand(cli),
    demoCommand(cli),
    completionCommand(cli, program),
  ];
}
