import type { Bulkhead } from '../../bulkhead.ts';
import { contract } from '../../client/contract.ts';
import type { Operation } from '../../client/operation.ts';
import type {
  VerificationDetailView,
  VerificationReportView,
  VerificationView,
} from '../../client/schemas/verifications.ts';
import { BulkheadError } from '../../core/errors.ts';
import type { Tenant } from '../../core/tenant.ts';
import { readEvidenceKey } from '../../data-dir.ts';
import { gatherFacts } from '../../evidence-facts.ts';
import { readReadiness } from '../readiness/readiness.ts';
import type { VerificationRecord } from '../../registry/verifications.ts';
import { sealEnvelope } from '../../verify/evidence/envelope.ts';
import { keyIdOf, newEvidenceKey, parsePrivateKey, toPublicPem } from '../../verify/evidence/key.ts';
import { payloadType, toStatement } from '../../verify/evidence/statement.ts';
import type { VerificationResult } from '../../verify/verification.ts';
import type { Verifications } from '../verifications.ts';
import { toIso } from '../views.ts';
import { findTenant } from './find-tenant.ts';
import type { OperatorHandlers } from './handler.ts';

type VerificationHandlers = Pick<
  OperatorHandlers,
  | 'startVerification'
  | 'listVerifications'
  | 'getVerification'
  | 'getEvidence'
  | 'getEvidenceKey'
  | 'getReadiness'
>;

/** Tables of the copy that are broken one after the other; each takes some seconds. */
const mostTables = 3;

export function createVerificationHandlers(
  node: Bulkhead,
  verifications: Verifications,
): VerificationHandlers {
  const { registry } = node;
  const signingKey = async () => parsePrivateKey(await readEvidenceKey(node.config.dataDir, newEvidenceKey));
  const find = async (id: string): Promise<VerificationRecord> => {
    const record = await registry.verifications.read(id);
    if (record === undefined) throw new BulkheadError('not_found');
    return record;
  };
  return {
    async startVerification({ body }, actor) {
      const { tenant, against, sample, mutations, underLoad } = body;
      const between = await readPair(node, tenant, against);
      const record = await verifications.start(
        {
          between,
          sample,
          mutations: mutations ? 'with' : 'without',
          maxTables: mostTables,
          meanwhile: underLoad ? 'stirred' : 'still',
        },
        actor,
      );
      return toView(record);
    },

    async listVerifications() {
      return { items: (await registry.verifications.list(100)).map(toView) };
    },

    async getVerification({ params }) {
      return toDetailView(await find(params.verification));
    },

    async getEvidence({ params, query }) {
      const record = await find(params.verification);
      if (record.state !== 'done')
        throw new BulkheadError('transition_refused', { reason: `the verification is ${record.state}` });
      const verification = record.result as VerificationResult;
      const statement = toStatement({
        verification,
        facts: await gatherFacts(node, verification, routesWithData()),
        nonce: query.nonce ?? '',
        nowMs: node.clock.nowMs(),
      });
      return sealEnvelope(payloadType, JSON.stringify(statement), await signingKey());
    },

    async getEvidenceKey() {
      const key = await signingKey();
      return { keyId: keyIdOf(key), publicKey: toPublicPem(key) };
    },

    async getReadiness() {
      const { ready, groups, checklist, counts, metrics } = await readReadiness(node, verifications.verify);
      return {
        ready,
        groups: groups.map(({ group, checks }) => ({ group, checks: [...checks] })),
        checklist: [...checklist],
        counts,
        metrics,
      };
    },
  };
}

/** By their paths: an operator's way to what a tenant stores is a copy of it, and should be asked about. */
function routesWithData(): readonly string[] {
  return Object.values<Operation>(contract)
    .filter(({ plane, path }) => plane === 'operator' && dataPath.test(path))
    .map(({ method, path }) => `${method} ${path}`);
}

const dataPath = /document|object|passage|memor|export|archive|backup|restore/;

async function readPair(
  { registry }: Bulkhead,
  tenant: string | undefined,
  against: string | undefined,
): Promise<readonly [Tenant, Tenant] | undefined> {
  if (tenant === undefined || against === undefined) return undefined;
  const pair = [
    await findTenant(registry.tenants, tenant),
    await findTenant(registry.tenants, against),
  ] as const;
  if (pair[0].id === pair[1].id)
    throw new BulkheadError('value_invalid', {
      field: 'against',
      reason: 'a tenant has no wall against itself',
    });
  return pair;
}

function toView({
  id,
  state,
  progress,
  result,
  failure,
  startedAt,
  endedAt,
}: VerificationRecord): VerificationView {
  return {
    id,
    state,
    progress: progress === undefined ? null : { ...progress },
    verdict: (result as VerificationResult | undefined)?.verdict ?? null,
    failure: failure ?? null,
    startedAt: startedAt.toISOString(),
    endedAt: toIso(endedAt),
  };
}

function toDetailView(record: VerificationRecord): VerificationDetailView {
  const result = record.result as VerificationResult | undefined;
  return { ...toView(record), report: result === undefined ? null : toReportView(result) };
}

/** JSON has been through the database: lists and records are as they were written. */
function toReportView(result: VerificationResult): VerificationReportView {
  const { reasons, tenants, compartments, executed, attacks, pairs, controls, catalogue } = result;
  const { stirred, mutations, notCovered, durationMs, proofs } = result;
  const copy = structuredClone({
    reasons,
    tenants,
    compartments,
    executed,
    attacks,
    pairs,
    controls,
    catalogue,
  });
  return {
    ...(copy as Pick<VerificationReportView, keyof typeof copy>),
    proofs: proofs.map(({ database, tenants: count, because, result: proof }) => ({
      database,
      tenants: count,
      verdict: proof?.verdict ?? null,
      because: because ?? null,
      conditions: proof?.conditions.length ?? 0,
      relations: proof?.looked.relations ?? 0,
      errors: (proof?.findings ?? [])
        .filter(({ severity }) => severity === 'error')
        .map(({ condition, object, reason }) => `${condition} ${object}: ${reason}`),
      warnings: (proof?.findings ?? []).filter(({ severity }) => severity === 'warning').length,
      inputsSha256: proof?.inputsSha256 ?? null,
      durationMs: proof?.durationMs ?? null,
    })),
    stirred: stirred === undefined ? null : { ...stirred },
    mutations: { schemas: toScore(mutations.schemas), code: toScore(mutations.code) },
    notCovered: [...notCovered],
    durationMs,
  };
}

function toScore(
  score: VerificationResult['mutations']['code'] | VerificationResult['mutations']['schemas'],
): VerificationReportView['mutations']['code'] {
  return score === undefined
    ? null
    : { planted: score.planted, caught: score.caught, missed: [...score.missed] };
}
