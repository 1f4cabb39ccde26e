import type { ProofDiff } from '../diff.ts';
import type { Finding } from '../finding.ts';
import type { ConditionResult, ProofResult } from '../result.ts';

/** Findings shown in full; the rest is counted. */
const shown = 60;

/** A result for people to read. */
export function toText(result: ProofResult): string {
  const { subject, looked } = result;
  return [
    `${result.verdict.toUpperCase()}: ${subject.role} on ${subject.database}, PostgreSQL ${subject.serverVersion}`,
    `${looked.tenantTables} tenant tables, ${looked.policies} policies, ${looked.roles} roles looked at in ${result.durationMs} ms; context ${subject.context}${subject.contextFrom === 'policies' ? ' (taken from the policies)' : ''}`,
    '',
    `${result.verdict === 'held' ? 'The claim' : 'The claim, which does not stand'}: ${result.claim}`,
    ...section('Why nothing can be said', result.doubts.map(toItem)),
    ...section('Conditions', conditionTable(result.conditions)),
    ...section('Findings', result.findings.slice(0, shown).flatMap(toFindingLines)),
    ...(result.findings.length > shown ? [`  and ${result.findings.length - shown} more: see --json`] : []),
    ...section(
      'Accepted by the baseline',
      result.accepted.map(
        (f) => `  ${f.condition} ${f.object}, until ${f.acceptedUntil}: ${f.acceptedBecause}`,
      ),
    ),
    ...section('Baseline entries to remove', result.staleBaseline.map(toItem)),
    ...section('It assumes', result.assumptions.map(toItem)),
    ...section('It does not cover', result.notCovered.map(toItem)),
    '',
  ].join('\n');
}

/** A comparison for people to read. */
export function toDiffText(diff: ProofDiff): string {
  const changed = [...diff.conditions, ...diff.versions, ...diff.looked];
  return [
    `From ${diff.before.database}, ${diff.before.provedAt} (${diff.before.verdict})`,
    `to   ${diff.after.database}, ${diff.after.provedAt} (${diff.after.verdict}): ${diff.appeared.length} findings appeared, ${diff.gone.length} are gone, ${diff.stayed} stayed`,
    ...section('Appeared', diff.appeared.flatMap(toFindingLines)),
    ...section(
      'Gone',
      diff.gone.map(({ condition, object, reason }) => `  ${condition} ${object}: ${reason}`),
    ),
    ...section(
      'Changed',
      changed.map(({ name, before, after }) => `  ${name}: ${before} → ${after}`),
    ),
    '',
  ].join('\n');
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', title, ...lines];
}

function toItem(text: string): string {
  return `  - ${text}`;
}

function conditionTable(conditions: readonly ConditionResult[]): string[] {
  const width = Math.max(...conditions.map(({ title }) => title.length));
  return conditions.map(({ id, title, looked, state, errors, warnings }) => {
    const count = [
      ...(errors > 0 ? [`${errors} errors`] : []),
      ...(warnings > 0 ? [`${warnings} warnings`] : []),
    ].join(', ');
    return `  ${id}  ${title.padEnd(width)}  ${String(looked).padStart(6)}  ${state}${count === '' ? '' : ` (${count})`}`;
  });
}

function toFindingLines({ condition, severity, object, reason, mend }: Finding): string[] {
  return [`  ${condition} ${severity}: ${object}`, `      ${reason}`, `      ${mend}`];
}
