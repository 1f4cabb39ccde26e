/** Versions of what runs around the database; those of the database itself are in verify/proof/floors.ts. Review with every release. */

export interface Floor {
  readonly version: string;
  readonly severity: 'warn' | 'fail';
  readonly reason: string;
}

export const doctorFloorsReviewed = '2026-11-25';

/** By major version; a major that is not listed is not supported. */
export const nodeFloors: Readonly<Record<number, Floor>> = {
  24: {
    version: '24.13.0',
    severity: 'warn',
    reason: 'the security release of January 2026 mends buffers, async_hooks and TLS',
  },
  25: { version: '25.3.0', severity: 'warn', reason: 'this line is no longer mended; use 24' },
};

export const poolerFloors: readonly Floor[] = [
  { version: '1.24', severity: 'fail', reason: 'prepared statements in transaction mode need it' },
  { version: '1.25.2', severity: 'warn', reason: 'CVE-2026-6664 and CVE-2026-6666 (denial of service)' },
];

/** The embedded database and its vector extension belong together exactly. */
export const embeddedVersions: Readonly<Record<string, string>> = {
  '@electric-sql/pglite': '0.5.14',
  '@electric-sql/pglite-pgvector': '0.0.15',
};
