/** Who may import whom. Folders under src/; `*` is the files that lie in src/ itself. */
export const mayImport: Readonly<Record<string, readonly string[]>> = {
  core: [],
  drivers: ['core'],
  compartments: ['core', 'drivers'],
  registry: ['core', 'drivers'],
  billing: ['core', 'registry', 'drivers'],
  request: ['core', 'registry', 'billing'],
  lifecycle: ['core', 'registry'],
  fleet: ['core', 'registry', 'drivers'],
  verify: ['core', 'registry', 'drivers'],
  rag: ['core', 'compartments'],
  testing: ['core'],
  client: ['core'],
  server: [
    '*',
    'core',
    'registry',
    'request',
    'lifecycle',
    'fleet',
    'client',
    'verify',
    'compartments',
    'billing',
    'rag',
  ],
  demo: [
    '*',
    'core',
    'registry',
    'request',
    'lifecycle',
    'client',
    'server',
    'verify',
    'compartments',
    'drivers',
    'cli',
  ],
  cli: [
    '*',
    'core',
    'registry',
    'lifecycle',
    'client',
    'server',
    'verify',
    'fleet',
    'billing',
    'demo',
    'drivers',
    'compartments',
  ],
  '*': [
    'core',
    'drivers',
    'compartments',
    'registry',
    'request',
    'lifecycle',
    'fleet',
    'verify',
    'billing',
    'rag',
  ],
};

/** The only files that may name concrete stores and drivers by their modules: compose.ts and what it is divided into. */
export const namesConcreteStores: readonly string[] = [
  'compose.ts',
  'compose-tables.ts',
  'compose-cache.ts',
  'compose-objects.ts',
  'compose-limits.ts',
];

/** Packages that speak to a database or to somebody's service: drivers alone import them. */
export const driverPackages: readonly string[] = [
  'pg',
  'pg-protocol',
  'pg-types',
  '@electric-sql/pglite',
  '@electric-sql/pglite-pgvector',
  'ioredis',
  'libpg-query',
  '@aws-sdk/client-s3',
  '@aws-sdk/lib-storage',
];

/** Words that say nothing in a name. */
export const emptyWords: readonly string[] = ['Manager', 'Service', 'Helper', 'Utils', 'Base'];
