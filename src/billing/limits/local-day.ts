/** From midnight to midnight in a time zone; 23 or 25 hours long where the clocks change. */
export interface Day {
  readonly startMs: number;
  readonly endMs: number;
}

const dayMs = 86_400_000;

/** Days as they are asked for: nearly always the one that was asked for last. */
export class LocalDays {
  readonly #formats = new Map<string, Intl.DateTimeFormat>();
  readonly #days = new Map<string, Day>();

  /** @param timeZone IANA name, such as `Europe/Berlin` */
  at(nowMs: number, timeZone: string): Day {
    const known = this.#days.get(timeZone);
    if (known !== undefined && known.startMs <= nowMs && nowMs < known.endMs) return known;
    const startMs = this.#midnight(nowMs, timeZone);
    // Noon of the next day, whatever length this one has.
    const endMs = this.#midnight(startMs + 1.5 * dayMs, timeZone);
    const day = Object.freeze({ startMs, endMs });
    this.#days.set(timeZone, day);
    return day;
  }

  /** Start of the day in which `atMs` lies. */
  #midnight(atMs: number, timeZone: string): number {
    const local = atMs + this.#offsetMs(atMs, timeZone);
    const localMidnight = Math.floor(local / dayMs) * dayMs;
    const first = localMidnight - this.#offsetMs(atMs, timeZone);
    // The offset may have been another one at midnight.
    return localMidnight - this.#offsetMs(first, timeZone);
  }

  #offsetMs(atMs: number, timeZone: string): number {
    if (timeZone === 'UTC') return 0;
    const part: Record<string, number> = {};
    for (const { type, value } of this.#format(timeZone).formatToParts(atMs)) part[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part;
    return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(atMs / 1_000) * 1_000;
  }

  #format(timeZone: string): Intl.DateTimeFormat {
    const known = this.#formats.get(timeZone);
    if (known !== undefined) return known;
    const numeric = 'numeric';
    const format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      year: numeric,
      month: numeric,
      day: numeric,
      hour: numeric,
      minute: numeric,
      second: numeric,
    });
    this.#formats.set(timeZone, format);
    return format;
  }
}

export function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}
