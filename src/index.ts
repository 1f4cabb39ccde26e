/** The library's public surface. Subpaths: `bulkhead/client`, `bulkhead/middleware`, `bulkhead/server`, `bulkhead/testing`. */
export type { Bulkhead, ScopeOptions } from './bulkhead.ts';
export type { Billing, MonthlyCost } from './billing/billing.ts';
export type { AllocationRule, Basis, CostReport, TenantCost } from './billing/cost/report.ts';
export type { CostSummary, Costs } from './billing/costs.ts';
export type { IngestReceipt } from './billing/ingest/ingest.ts';
export type { Invoice, InvoiceLine } from './billing/invoice/invoice.ts';
export type { Meter } from './billing/meters.ts';
export type { LlmUsage, RecordedCost, UsedBy } from './billing/record.ts';
export {
  answersFeature,
  type AnswerCache,
  type Answered,
  type Embed,
  type Question,
} from './compartments/cache/answers.ts';
export type {
  CacheCompartment,
  CacheHandle,
  CacheKey,
  CacheStats,
  IssuedSession,
  Session,
  SessionHandle,
  SetOptions,
} from './compartments/cache/cache.ts';
export type {
  ObjectPage,
  ObjectQuery,
  ObjectRef,
  ObjectsCompartment,
  ObjectsHandle,
  OpenedObject,
  PutOptions,
  StoredObject,
} from './compartments/objects/objects.ts';
export type { GrantedUrl, UrlWish } from './compartments/objects/signed-url.ts';
export type {
  Condition,
  Filter,
  ListQuery,
  Page,
  Repository,
  RowsCompartment,
  RowsHandle,
  Scalar,
} from './compartments/rows/rows.ts';
export { queryDocuments, upsertDocuments, type QueryAnswer, type VectorDocument } from './rag/published.ts';
export type {
  Match,
  MetadataFilter,
  Metric,
  Passage,
  SearchAnswer,
  SearchQuery,
  Space,
  SpaceShape,
  UpsertReceipt,
  VectorsCompartment,
  VectorsHandle,
} from './compartments/vectors/vectors.ts';
export type {
  Conversation,
  MemoryCompartment,
  MemoryHandle,
  Message,
  NewMessage,
  UserMemory,
  Window,
} from './compartments/memory/memory.ts';
export type { Knowledge, SearchHit, SearchInput, SearchOutcome } from './rag/knowledge.ts';
export { readConfig, type Config } from './config.ts';
export { createBulkhead, type BulkheadOptions } from './create-bulkhead.ts';
export { systemClock, type Clock } from './core/clock.ts';
export type {
  Compartment,
  EraseReceipt,
  ExportRecord,
  Finding,
  ImportReceipt,
  PlacementRequest,
  ProbeTarget,
  Usage,
} from './core/compartment.ts';
export { relocateByCopy } from './core/compartment-move.ts';
export {
  BulkheadError,
  errorTable,
  isBulkheadError,
  type ErrorCode,
  type ErrorDetail,
  type Retry,
} from './core/errors.ts';
export type { CopiedPart, CopyWatch, MoveSurvey, Relocation, Settlement } from './core/relocation.ts';
export {
  parseSlug,
  parseTenantId,
  type KeyId,
  type RequestId,
  type RowId,
  type Slug,
  type TenantId,
} from './core/ids.ts';
export type { CompartmentKind, Isolation, Placement } from './core/placement.ts';
export type { Governor, Plan } from './core/plan.ts';
export {
  bindEmitter,
  bindScope,
  clear,
  getCurrentTenant,
  getCurrentTenantId,
  requiresTenant,
  tenantScope,
  type Access,
  type Actor,
  type Scope,
} from './core/scope.ts';
export { transitions, type Tenant, type TenantEvent, type TenantState } from './core/tenant.ts';
export type { Verdict } from './core/verdict.ts';
export type { CreatedTenant, CreateTenantInput, Lifecycle } from './lifecycle/lifecycle.ts';
export type { Services } from './request/services.ts';
export type { ApiKey, IssuedKey, Registry, ResolvedTenant } from './registry/registry.ts';
export type { ReadablePage, ReadableTenant } from './registry/umbrella.ts';
export type { Umbrella, UmbrellaVisit } from './umbrella.ts';
export { testCrossTenantIsolation, type IsolationTest } from './test-cross-tenant-isolation.ts';
