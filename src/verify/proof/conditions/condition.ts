import type { ConditionId, Discovery } from '../finding.ts';
import type { Survey } from '../survey.ts';

export interface Condition {
  readonly id: ConditionId;
  readonly title: string;
  /** Ways across, by the numbers of docs/reference/proof.md, that it closes. */
  readonly attacks: readonly string[];
  check(survey: Survey): Examination;
}

export interface Examination {
  /** How many objects were looked at. */
  readonly looked: number;
  readonly discoveries: readonly Discovery[];
  /** Why nothing can be said. */
  readonly untested?: string | undefined;
}
