import { createRequestMeter, meterUse } from './billing/request-meter.ts';
import type { Bulkhead, ScopeOptions } from './bulkhead.ts';
import { compose, type Composed } from './compose.ts';
import { readConfig, type Config } from './config.ts';
import { systemClock, type Clock } from './core/clock.ts';
import { BulkheadError } from './core/errors.ts';
import { newRequestId, parseSlug, parseTenantId } from './core/ids.ts';
import { tenantScope, type Actor, type Scope } from './core/scope.ts';
import { dataDirSearch } from './data-dir.ts';
import { openLedgerCopy } from './ledger-copy.ts';
import { createLadder, type Ladder } from './fleet/ladder/ladder.ts';
import { createLifecycle } from './lifecycle/create-lifecycle.ts';
import type { Checkpoint } from './lifecycle/journal.ts';
import type { Lifecycle } from './lifecycle/lifecycle.ts';
import { createParser } from './rag/parse/parser.ts';
import { createLibrary } from './rag/library.ts';
import { createKnowledge } from './rag/knowledge.ts';
import { remembering, secretPurpose } from './rag/tenant-models.ts';
import type { ResolvedTenant } from './registry/registry.ts';
import type { ResolveTxt } from './registry/domains.ts';
import { admitByState } from './request/admit.ts';
import { allowed, refused } from './core/verdict.ts';
import { createRateCheck } from './request/rate-check.ts';
import { toError } from './request/refusal.ts';
import { createServices } from './request/services.ts';
import { openTenantScope } from './request/scope.ts';
import { createUmbrella } from './umbrella.ts';
import { startUpkeep } from './upkeep.ts';
import { readVersion } from './version.ts';

export interface BulkheadOptions {
  /** Default: the environment. */
  readonly config?: Config;
  readonly clock?: Clock;
  /** Told of things an operator should hear of; ids and counts only. Default: nobody. */
  readonly log?: (event: Readonly<Record<string, unknown>>) => void;
  /** How ownership of a domain is looked up; default: the machine's DNS. */
  readonly resolveTxt?: ResolveTxt;
  /** Called before and after every lifecycle step; tests break things here. */
  readonly checkpoint?: Checkpoint;
}

const library: Actor = { kind: 'system', id: 'library' };

/**
 * Opens a node: database, registry, compartments. A second start finds the data of the first.
 * @throws config_invalid, data_dir_in_use, compartment_unreachable, migration_refused, table_unwalled
 */
export async function createBulkhead(options: BulkheadOptions = {}): Promise<Bulkhead> {
  const config = options.config ?? readConfig(process.env);
  const clock = options.clock ?? systemClock;
  const log = options.log ?? (() => {});
  const composed = await compose({ config, clock, resolveTxt: options.resolveTxt, log });
  const { registry, compartments } = composed;
  const { ledger } = composed.billing;
  const { limits } = composed;
  const lifecycle = createLifecycle({
    registry,
    compartments,
    clock,
    log,
    searches: [dataDirSearch(config.dataDir)],
    ledgerCopy: openLedgerCopy(config.dataDir),
    templatesDir: config.templatesDir,
    archives: {
      blobs: composed.blobs,
      version: readVersion(),
      newestSchemas: composed.newestSchemas,
    },
    ...(options.checkpoint === undefined ? {} : { checkpoint: options.checkpoint }),
  });
  // Before anybody is served: a restored registry would serve tenants that were erased.
  await lifecycle.replayErasures('registry');
  const open = createScopeOpener(composed, lifecycle);
  const ladder = openLadder(composed, lifecycle, log);
  const upkeep = startUpkeep({ lifecycle, billing: composed.billing, ladder }, { clock, log });

  const knowledge = createKnowledge({
    vectors: composed.vectors,
    clock,
    models: remembering(
      {
        setting: (tenant, key) => registry.settings.get(tenant, key),
        secret: (tenant, use) => registry.vault.get(tenant, secretPurpose(use)),
      },
      config.cache.maxTenants,
    ),
  });
  const parser = createParser();

  return {
    config,
    clock,
    registry,
    lifecycle,
    umbrella: createUmbrella({ registry, clock }),
    fleet: composed.fleet,
    billing: composed.billing,
    limits,
    ...(limits === undefined ? {} : { concurrency: limits }),
    // Limits come last: what another check refuses takes nothing of them.
    checks: [
      () => (ledger.isOpen ? allowed(true) : refused('ledger_unavailable')),
      ...(limits === undefined ? [] : [createRateCheck(limits)]),
    ],
    meters: [createRequestMeter(ledger, clock)],
    services: createServices({ vault: registry.vault, clock, name: config.serviceName }),
    proofs: composed.proofs,
    compartments,
    rows: composed.rows,
    vectors: composed.vectors,
    cache: composed.cache,
    memory: composed.memory,
    objects: composed.objects,
    ladder,
    knowledge,
    library: createLibrary({ ...composed, knowledge, parser }),
    newOperatorToken: composed.newOperatorToken,
    scope: open,
    async run(tenant, fn, scopeOptions) {
      const scope = await open(tenant, scopeOptions);
      try {
        return await tenantScope(scope, fn);
      } finally {
        meterUse(scope, { ledger, clock, amounts: [] });
      }
    },
    async close() {
      await upkeep.stop();
      await parser.close();
      await composed.close();
    },
  };
}

/** Vectors go up and down by themselves; only they are moved, and nothing waits to be confirmed. */
function openLadder(
  { vectors, control, registry }: Composed,
  lifecycle: Lifecycle,
  log: (event: Readonly<Record<string, unknown>>) => void,
): Ladder | undefined {
  if (vectors === undefined) return undefined;
  const actor: Actor = { kind: 'system', id: 'ladder' };
  return createLadder({
    control,
    vectors,
    log,
    mayOwn: async (tenant) =>
      (await registry.directory.byId(tenant))?.planDetail.isolations.includes('schema') ?? false,
    move: async (tenant, isolation) => {
      await lifecycle.move({ tenant, isolation, only: ['vectors'] }, actor);
      await lifecycle.confirmMove(tenant, actor);
    },
  });
}

function createScopeOpener(
  { registry }: Composed,
  lifecycle: Lifecycle,
): (tenant: string, options?: ScopeOptions) => Promise<Scope> {
  const { directory } = registry;

  const find = async (tenant: string): Promise<ResolvedTenant | undefined> => {
    const id = parseTenantId(tenant);
    if (id !== undefined) return directory.peek(id) ?? (await directory.byId(id));
    const slug = parseSlug(tenant);
    return slug === undefined ? undefined : await directory.bySlug(slug);
  };

  return async (name, options = {}) => {
    const tenant = await find(name);
    if (tenant === undefined) throw new BulkheadError('tenant_not_found');
    const verdict = await admitByState(tenant, directory);
    if (verdict.kind === 'refused') throw toError(verdict);
    lifecycle.backfillSoon(tenant);
    return openTenantScope(tenant, {
      actor: options.actor ?? library,
      requestId: options.requestId ?? newRequestId(),
      signal: options.signal ?? new AbortController().signal,
    });
  };
}
