import { expect, test } from 'vitest';
import { isTimeZone, LocalDays } from '../../src/billing/limits/local-day.ts';

const hourMs = 3_600_000;

test.each([
  { zone: 'UTC', at: '2026-02-28T23:59:59.999Z', start: '2026-02-28T00:00:00Z', hours: 24 },
  { zone: 'UTC', at: '2026-12-31T12:00:00Z', start: '2026-12-31T00:00:00Z', hours: 24 },
  { zone: 'Asia/Tokyo', at: '2026-01-31T15:00:00Z', start: '2026-01-31T15:00:00Z', hours: 24 },
  { zone: 'Asia/Kathmandu', at: '2026-06-01T00:00:00Z', start: '2026-05-31T18:15:00Z', hours: 24 },
  { zone: 'Europe/Berlin', at: '2026-03-29T10:00:00Z', start: '2026-03-28T23:00:00Z', hours: 23 },
  { zone: 'Europe/Berlin', at: '2026-10-25T23:30:00Z', start: '2026-10-25T23:00:00Z', hours: 24 },
  { zone: 'Europe/Berlin', at: '2026-10-25T00:30:00Z', start: '2026-10-24T22:00:00Z', hours: 25 },
  { zone: 'America/New_York', at: '2028-02-29T04:59:59Z', start: '2028-02-28T05:00:00Z', hours: 24 },
])('the day of $at in $zone begins at $start and has $hours hours', ({ zone, at, start, hours }) => {
  const day = new LocalDays().at(Date.parse(at), zone);
  expect(new Date(day.startMs).toISOString()).toBe(new Date(start).toISOString());
  expect(day.endMs - day.startMs).toBe(hours * hourMs);
});

test('days follow one another without a gap, through a year of every hour', () => {
  const days = new LocalDays();
  let last = days.at(Date.UTC(2026, 0, 1), 'Europe/Berlin');
  for (let atMs = Date.UTC(2026, 0, 1); atMs < Date.UTC(2027, 0, 1); atMs += hourMs) {
    const day = days.at(atMs, 'Europe/Berlin');
    expect(day.startMs <= atMs && atMs < day.endMs).toBe(true);
    if (day.startMs !== last.startMs) expect(day.startMs).toBe(last.endMs);
    last = day;
  }
});

test('only names of time zones are taken for such', () => {
  expect(isTimeZone('Europe/Berlin')).toBe(true);
  expect(isTimeZone('Europe/Nowhere')).toBe(false);
});
