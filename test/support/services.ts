import { describe, test } from 'vitest';

/** The real services of a run, by the names `scripts/services env` gives them. */
const variables = {
  postgres: 'BULKHEAD_TEST_POSTGRES_URL',
  cell: 'BULKHEAD_TEST_CELL_URL',
  pgbouncer: 'BULKHEAD_TEST_PGBOUNCER_URL',
  pgbouncerPlain: 'BULKHEAD_TEST_PGBOUNCER_PLAIN_URL',
  valkey: 'BULKHEAD_TEST_VALKEY_URL',
  nats: 'BULKHEAD_TEST_NATS_URL',
  chromium: 'BULKHEAD_TEST_CHROMIUM',
  control: 'BULKHEAD_TEST_PG_CTL',
} as const;

export type ServiceName = keyof typeof variables;

/** Address of a service, or undefined where this run has none. */
export function serviceUrl(name: ServiceName): string | undefined {
  const value = process.env[variables[name]];
  return value === '' ? undefined : value;
}

/**
 * Tests that need a real service. Without it they are listed as not covered, and with CI=true they fail: nothing is
 * passed over in silence.
 */
export function describeWith(name: ServiceName, title: string, body: (url: string) => void): void {
  const url = serviceUrl(name);
  if (url !== undefined) {
    describe(title, () => body(url));
    return;
  }
  describe(title, () => {
    if (process.env['CI'] === 'true')
      test(`needs ${variables[name]}`, () => {
        throw new Error(
          `not covered: ${variables[name]} is not set; run scripts/services run npx vitest run`,
        );
      });
    else test.skip(`not covered: ${variables[name]} is not set`, () => {});
  });
}
