import type { Clock } from '../../core/clock.ts';
import { weigh } from './baseline.ts';
import { toAssumptions, toClaim, toNotCovered } from './claim.ts';
import { conditions } from './conditions/table.ts';
import type { Condition, Examination } from './conditions/condition.ts';
import { toFinding, type Finding } from './finding.ts';
import { floorsReviewed } from './floors.ts';
import type { ConditionResult, LookedAt, ProofResult, ProofSubject } from './result.ts';
import type { Survey } from './survey.ts';

interface Judged {
  readonly condition: Condition;
  readonly examination: Examination;
  readonly findings: readonly Finding[];
}

/** Runs every condition over the facts. Pure, but for the clock that dates the result. */
export function judge(
  survey: Survey,
  run: {
    readonly clock: Clock;
    readonly startedMs: number;
    readonly inputsSha256: string;
    readonly contextFrom: ProofSubject['contextFrom'];
    readonly doubts: readonly string[];
  },
): ProofResult {
  const judged = conditions.map((condition): Judged => {
    const examination = condition.check(survey);
    return {
      condition,
      examination,
      findings: examination.discoveries.map((d) => toFinding(condition.id, d)),
    };
  });
  const provedAt = new Date(run.clock.nowMs()).toISOString();
  const weighed = weigh(
    judged.flatMap(({ findings }) => findings),
    survey.options.baseline,
    provedAt.slice(0, 10),
  );
  const results = judged.map((each) => toConditionResult(each, weighed.findings));
  const doubts = [...run.doubts, ...doubtsOf(survey, results)];
  return {
    format: 'bulkhead.proof/1',
    verdict: verdictOf(results, doubts),
    claim: toClaim(survey),
    assumptions: toAssumptions(survey),
    notCovered: toNotCovered(survey),
    doubts,
    subject: toSubject(survey, run.contextFrom),
    looked: toLooked(survey),
    conditions: results,
    findings: weighed.findings,
    accepted: weighed.accepted,
    staleBaseline: weighed.stale,
    provedAt,
    durationMs: Math.round((run.clock.monotonicMs() - run.startedMs) * 10) / 10,
    inputsSha256: run.inputsSha256,
  };
}

function toConditionResult(
  { condition, examination }: Judged,
  counting: readonly Finding[],
): ConditionResult {
  const own = counting.filter((finding) => finding.condition === condition.id);
  const errors = own.filter(({ severity }) => severity === 'error').length;
  const untested = examination.untested;
  return {
    id: condition.id,
    title: condition.title,
    attacks: condition.attacks,
    state: errors > 0 ? 'broken' : untested === undefined ? 'held' : 'untested',
    ...(untested === undefined ? {} : { because: untested }),
    looked: examination.looked,
    errors,
    warnings: own.length - errors,
  };
}

/** Looking at nothing finds nothing: that is no pass. */
function doubtsOf(survey: Survey, results: readonly ConditionResult[]): string[] {
  const { facts, options, tenantTables } = survey;
  return [
    ...(facts.roles.length === 0 ? [`there is no role ${options.role}`] : []),
    ...(tenantTables.length === 0
      ? [
          `no table with a column ${options.tenantColumn} was looked at: none exists, or ${options.role} reaches none`,
        ]
      : []),
    ...results.flatMap(({ id, because }) => (because === undefined ? [] : [`${id} is untested: ${because}`])),
  ];
}

function verdictOf(results: readonly ConditionResult[], doubts: readonly string[]): ProofResult['verdict'] {
  if (results.some(({ state }) => state === 'broken')) return 'broken';
  return doubts.length > 0 ? 'inconclusive' : 'held';
}

function toSubject(survey: Survey, contextFrom: ProofSubject['contextFrom']): ProofSubject {
  const { facts, options, context } = survey;
  return {
    database: facts.server.database,
    serverVersion: facts.server.version,
    role: options.role,
    tenantColumn: options.tenantColumn,
    context: context.text,
    contextFrom,
    walls: options.walls.kind,
    extensions: facts.extensions.map(({ name, version }) => `${name} ${version}`),
    floorsReviewed,
  };
}

function toLooked(survey: Survey): LookedAt {
  const { facts } = survey;
  return {
    roles: facts.roles.length,
    schemas: facts.schemas.length,
    relations: facts.relations.length,
    tenantTables: survey.tenantTables.length,
    globalTables: survey.globalTables.length,
    views: facts.relations.filter(({ kind }) => kind === 'v' || kind === 'm').length,
    policies: facts.policies.reduce((sum, { relations }) => sum + relations.length, 0),
    functions: facts.functions.length,
    uniqueKeys: facts.uniqueKeyCount,
    foreignKeys: facts.foreignKeyCount,
    triggers: facts.triggerCount,
  };
}
