import type { LimitStanding } from '../../core/limit.ts';
import type { NamedLimit } from './rules.ts';

/** How a caller stands with one limit. */
export interface LimitNotice extends NamedLimit {
  readonly remaining: number;
  /** Seconds until nothing of it is used. */
  readonly resetS: number;
}

export function toNotices(
  limits: readonly NamedLimit[],
  standings: readonly LimitStanding[],
): readonly LimitNotice[] {
  return limits.map((limit, index) => {
    const { remaining = 0, resetMs = 0 } = standings[index] ?? {};
    return { ...limit, remaining, resetS: Math.ceil(resetMs / 1_000) };
  });
}

/**
 * `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10), and the older `X-RateLimit-*` for the
 * minute and the day. Names in small letters.
 */
export function toLimitHeaders(notices: readonly LimitNotice[]): Readonly<Record<string, string>> {
  if (notices.length === 0) return {};
  const headers: Record<string, string> = {
    'ratelimit-policy': notices
      .map(({ name, limit, windowS }) => `"${name}";q=${limit};w=${Math.ceil(windowS)}`)
      .join(', '),
    ratelimit: notices
      .map(({ name, remaining, resetS }) => `"${name}";r=${remaining};t=${resetS}`)
      .join(', '),
  };
  for (const { name, limit, remaining, resetS } of notices) {
    if (name !== 'minute' && name !== 'day') continue;
    headers[`x-ratelimit-limit-${name}`] = String(limit);
    headers[`x-ratelimit-remaining-${name}`] = String(remaining);
    if (name !== 'minute') continue;
    headers['x-ratelimit-limit'] = String(limit);
    headers['x-ratelimit-remaining'] = String(remaining);
    headers['x-ratelimit-reset'] = String(resetS);
  }
  return headers;
}
