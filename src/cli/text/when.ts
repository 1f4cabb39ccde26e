/** ISO 8601 in UTC to the second, as every table shows it: sortable, and the same on every machine. */
export function toMoment(iso: string | null): string {
  return iso === null ? '-' : iso.replace(/\.\d+Z$/, 'Z').replace('T', ' ');
}

/** `840 µs`, `12.3 ms`, `4.5 s`, `3 min 20 s`. */
export function toDuration(ms: number): string {
  if (ms < 1) return `${Math.round(ms * 1_000)} µs`;
  if (ms < 100) return `${ms.toFixed(1)} ms`;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

const DURATION = /^(\d{1,9})(s|m|h|d)$/;
const secondsOf = { s: 1, m: 60, h: 3_600, d: 86_400 } as const;

/** `90s`, `15m`, `24h` or `30d` in seconds. */
export function parseDuration(raw: string): number | undefined {
  const [, amount, unit] = DURATION.exec(raw) ?? [];
  return amount === undefined ? undefined : Number(amount) * secondsOf[unit as keyof typeof secondsOf];
}
