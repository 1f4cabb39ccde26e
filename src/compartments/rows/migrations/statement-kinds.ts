/** Which statements a migration may hold. The list says what is allowed; reasons are for those people try most. */
import type { SqlNodeKind } from '../../../drivers/sql-parser.ts';

type Reason = readonly [reason: string, hint?: string];

export const allowedKinds: ReadonlySet<SqlNodeKind> = new Set<SqlNodeKind>([
  'AlterDomainStmt',
  'AlterEnumStmt',
  'AlterTableStmt',
  'CommentStmt',
  'CompositeTypeStmt',
  'CreateDomainStmt',
  'CreateEnumStmt',
  'CreateExtensionStmt',
  'CreateFunctionStmt',
  'CreateStmt',
  'CreateTrigStmt',
  'DeleteStmt',
  'DropStmt',
  'IndexStmt',
  'InsertStmt',
  'RenameStmt',
  'UpdateStmt',
  'ViewStmt',
]);

const roles: Reason = ['roles and their rights are made by Bulkhead', 'leave it out'];
const policies: Reason = [
  'policies are made by Bulkhead: any further one could open the wall',
  'leave it out; every tenant table gets its wall without a word',
];
const schemas: Reason = [
  'a migration stays inside its container, whose schema Bulkhead makes',
  'write names without a schema',
];
const settings: Reason = ['settings outlive the statement they were meant for', 'leave it out'];
const outside: Reason = ['this reaches data outside of the container'];
const transaction: Reason = ['each container is migrated in one transaction of its own', 'leave it out'];
const replication: Reason = ['replication does not see the wall and is set up outside of migrations'];
const counter: Reason = [
  'a sequence tells each tenant how many rows the others write',
  'use uuid keys: id uuid primary key default gen_random_uuid()',
];
const unsupported: Reason = ['this kind of object is not supported in tenant containers'];

const reasons: Partial<Readonly<Record<SqlNodeKind, Reason>>> = {
  AlterDatabaseSetStmt: settings,
  AlterDatabaseStmt: outside,
  AlterDefaultPrivilegesStmt: roles,
  AlterEventTrigStmt: unsupported,
  AlterExtensionContentsStmt: outside,
  AlterExtensionStmt: ['extensions are updated by the operator of the server'],
  AlterFunctionStmt: ['functions keep the rights they were made with', 'use CREATE OR REPLACE FUNCTION'],
  AlterObjectSchemaStmt: schemas,
  AlterOwnerStmt: roles,
  AlterPolicyStmt: policies,
  AlterPublicationStmt: replication,
  AlterRoleSetStmt: settings,
  AlterRoleStmt: roles,
  AlterSeqStmt: counter,
  AlterSubscriptionStmt: replication,
  AlterSystemStmt: settings,
  CallStmt: ['what a procedure does cannot be checked', 'write its statements out'],
  CheckPointStmt: outside,
  ClusterStmt: ['CLUSTER locks every tenant out while it runs'],
  CopyStmt: ['COPY does not see the wall', 'use INSERT'],
  CreateCastStmt: unsupported,
  CreateEventTrigStmt: unsupported,
  CreateFdwStmt: outside,
  CreateForeignServerStmt: outside,
  CreateForeignTableStmt: ['rows of a foreign table are not behind the wall'],
  CreatePLangStmt: ['functions are written in sql or plpgsql'],
  CreatePolicyStmt: policies,
  CreatePublicationStmt: replication,
  CreateRoleStmt: roles,
  CreateSchemaStmt: schemas,
  CreateSeqStmt: counter,
  CreateStatsStmt: ['extended statistics show values of other tenants (CVE-2024-4317)'],
  CreateSubscriptionStmt: replication,
  CreateTableAsStmt: [
    'a table or materialized view made from a query cannot be walled',
    'use CREATE TABLE with columns and then INSERT; instead of a materialized view use a view or a table',
  ],
  CreateTransformStmt: unsupported,
  CreateUserMappingStmt: outside,
  CreatedbStmt: outside,
  DefineStmt: ['operators, aggregates, collations and base types can change what the wall compares'],
  DiscardStmt: settings,
  DoStmt: ['what a DO block does cannot be checked', 'write its statements out'],
  DropOwnedStmt: roles,
  DropRoleStmt: roles,
  DropdbStmt: outside,
  GrantRoleStmt: roles,
  GrantStmt: [
    'rights on tables are given by Bulkhead: DML to the container’s role, nothing to others',
    'leave it out',
  ],
  ImportForeignSchemaStmt: outside,
  ListenStmt: ['notifications go to every tenant of the database'],
  LoadStmt: outside,
  LockStmt: ['locks are taken by the statements that need them', 'leave it out'],
  MergeStmt: ['MERGE is not supported in migrations', 'use INSERT … ON CONFLICT or UPDATE'],
  NotifyStmt: ['notifications go to every tenant of the database'],
  ReassignOwnedStmt: roles,
  RefreshMatViewStmt: ['a materialized view holds rows of all tenants outside of the wall', 'use a view'],
  ReindexStmt: ['REINDEX locks every tenant out while it runs; run it outside of migrations'],
  RuleStmt: ['a rule rewrites queries around the wall', 'use a trigger'],
  SecLabelStmt: roles,
  SelectStmt: ['a migration changes something; what a function called here does cannot be checked'],
  TransactionStmt: transaction,
  TruncateStmt: ['TRUNCATE does not see the wall', 'use DELETE'],
  VacuumStmt: ['VACUUM cannot run inside a transaction; autovacuum does it'],
  VariableSetStmt: settings,
};

export function reasonAgainst(kind: SqlNodeKind): Reason {
  return reasons[kind] ?? [`${kind.replace(/Stmt$/, '')} is not supported in migrations`];
}
