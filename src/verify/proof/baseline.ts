import { BulkheadError } from '../../core/errors.ts';
import type { Finding } from './finding.ts';
import type { AcceptedFinding, ProofResult } from './result.ts';

/** Findings somebody has looked at and accepted, each with a reason and an end. */
export interface Baseline {
  readonly accepted: readonly BaselineEntry[];
}

export interface BaselineEntry {
  readonly fingerprint: string;
  readonly condition: string;
  readonly object: string;
  readonly reason: string;
  /** The last day it counts, YYYY-MM-DD. */
  readonly expires: string;
}

const DATE = /^\d{4}-\d{2}-\d{2}$/;

/** @throws value_invalid naming the first entry that is not complete */
export function parseBaseline(text: string): Baseline {
  const document = parseJson(text);
  const entries = isRecord(document) ? document['accepted'] : undefined;
  if (!Array.isArray(entries)) throw refuse('it has no list "accepted"');
  return { accepted: entries.map(parseEntry) };
}

function parseEntry(raw: unknown, index: number): BaselineEntry {
  const entry = isRecord(raw) ? raw : {};
  const text = (field: string): string => {
    const value = entry[field];
    if (typeof value !== 'string' || value.trim() === '')
      throw refuse(`entry ${index + 1} has no ${field}: every acceptance needs one`);
    return value;
  };
  const expires = text('expires');
  if (!DATE.test(expires) || Number.isNaN(Date.parse(expires)))
    throw refuse(`entry ${index + 1} does not expire on a date YYYY-MM-DD`);
  return {
    fingerprint: text('fingerprint'),
    condition: text('condition'),
    object: text('object'),
    reason: text('reason'),
    expires,
  };
}

function refuse(reason: string): BulkheadError {
  return new BulkheadError('value_invalid', { reason: `the baseline cannot be used: ${reason}` });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new BulkheadError('value_invalid', { reason: 'the baseline is not JSON' }, { cause });
  }
}

/** A baseline that accepts everything a result found; the reasons are yours to write. */
export function toBaseline(
  result: ProofResult,
  entry: { readonly reason: string; readonly expires: string },
): Baseline {
  return {
    accepted: result.findings.map(({ fingerprint, condition, object }) => ({
      fingerprint,
      condition,
      object,
      ...entry,
    })),
  };
}

export interface Weighed {
  readonly findings: readonly Finding[];
  readonly accepted: readonly AcceptedFinding[];
  readonly stale: readonly string[];
}

/** Sorts findings into those that count and those accepted on `today`, YYYY-MM-DD. */
export function weigh(found: readonly Finding[], baseline: Baseline | undefined, today: string): Weighed {
  const entries = baseline?.accepted ?? [];
  const valid = new Map(entries.filter(({ expires }) => expires >= today).map((e) => [e.fingerprint, e]));
  const matched = new Set(found.map(({ fingerprint }) => fingerprint));
  return {
    findings: found.filter(({ fingerprint }) => !valid.has(fingerprint)),
    accepted: found.flatMap((finding) => {
      const entry = valid.get(finding.fingerprint);
      return entry === undefined
        ? []
        : [{ ...finding, acceptedBecause: entry.reason, acceptedUntil: entry.expires }];
    }),
    stale: entries.flatMap((entry) => {
      const label = `${entry.condition} ${entry.object} (${entry.fingerprint})`;
      if (entry.expires < today) return [`${label}: expired on ${entry.expires}`];
      return matched.has(entry.fingerprint) ? [] : [`${label}: matches nothing any more`];
    }),
  };
}
