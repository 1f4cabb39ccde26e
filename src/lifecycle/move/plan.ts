import type { Placement } from '../../core/placement.ts';
import type { Plan } from '../../core/plan.ts';
import type { MovePlan } from '../moves.ts';
import { isAt, toMoved, toRelocations, type MoveDeps, type MoveWork } from './work.ts';

type Wanted = Pick<MoveWork, 'tenant' | 'order'> & { readonly plan: Plan };

/** Where the tenant would go; nothing is reserved. @throws isolation_unavailable */
export async function previewTargets(deps: MoveDeps, wanted: Wanted): Promise<readonly Placement[]> {
  const { tenant, order, plan } = wanted;
  const { isolation, server } = order;
  return Promise.all(
    toMoved(deps, order).map((compartment) =>
      compartment.place({
        tenant: tenant.id,
        isolation,
        region: tenant.region,
        plan,
        server,
        hold: 'preview',
      }),
    ),
  );
}

export type SurveyedMove = Pick<
  MovePlan,
  'rows' | 'sizeBytes' | 'parts' | 'estimatedMs' | 'risks' | 'refusals'
>;

/** All compartments together; they are moved one after another. */
export async function surveyMove(
  deps: MoveDeps,
  way: { readonly from: readonly Placement[]; readonly to: readonly Placement[] },
): Promise<SurveyedMove> {
  const there = way.from.filter((placement) => isAt(placement, way.to));
  const relocations = toRelocations(deps, way).filter(({ from }) => !there.includes(from));
  const surveys = await Promise.all(relocations.map((relocation) => relocation.survey()));
  const parts = surveys.flatMap((survey) => survey.parts);
  return {
    parts,
    rows: parts.reduce((sum, { count }) => sum + count, 0n),
    sizeBytes: parts.reduce((sum, part) => sum + part.sizeBytes, 0n),
    estimatedMs: surveys.reduce((sum, survey) => sum + survey.estimatedMs, 0),
    risks: surveys.flatMap((survey) => survey.risks),
    refusals: [
      ...there.map(({ compartment }) => `${compartment}: it is there already`),
      ...surveys.flatMap((survey) => survey.refusals),
    ],
  };
}
