import { createHash } from 'node:crypto';

/** Conditions S01 to S28 over the PostgreSQL catalogue. */
export type ConditionId =
  | 'S01'
  | 'S02'
  | 'S03'
  | 'S04'
  | 'S05'
  | 'S06'
  | 'S07'
  | 'S08'
  | 'S09'
  | 'S10'
  | 'S11'
  | 'S12'
  | 'S13'
  | 'S14'
  | 'S15'
  | 'S16'
  | 'S17'
  | 'S18'
  | 'S19'
  | 'S20'
  | 'S21'
  | 'S22'
  | 'S23'
  | 'S24'
  | 'S25'
  | 'S26'
  | 'S27'
  | 'S28';

/** An error breaks the proof; a warning is what the claim can stand without but should not. */
export type Severity = 'error' | 'warning';

/** What a condition found, before the condition's name is put on it. */
export interface Discovery {
  /** Which side of the condition broke; stable, so that findings can be recognised again. */
  readonly aspect: string;
  readonly object: string;
  readonly reason: string;
  /** SQL that mends it, or a comment where no SQL can. */
  readonly mend: string;
  readonly severity: Severity;
}

export interface Finding extends Discovery {
  readonly condition: ConditionId;
  /** The same for the same flaw in another run or another database. */
  readonly fingerprint: string;
}

export function toFinding(condition: ConditionId, discovery: Discovery): Finding {
  const fingerprint = createHash('sha256')
    .update(JSON.stringify([condition, discovery.aspect, discovery.object]))
    .digest('hex')
    .slice(0, 16);
  return { condition, ...discovery, fingerprint };
}
