import type { ForeignKeyFact, SchemaFacts, TableFact } from './facts.ts';

/** `refused`: nothing is begun until it is gone. `note`: what somebody should know. */
export interface Obstacle {
  readonly severity: 'refused' | 'note';
  readonly object: string;
  readonly reason: string;
  readonly hint: string;
}

/** What stands in the way of giving every row an owner. */
export function findObstacles(facts: SchemaFacts, shared: ReadonlySet<string>): readonly Obstacle[] {
  const known = new Set(facts.tables.map(({ name }) => name));
  return [
    ...(facts.serverVersion < 150_000
      ? [
          refused(
            'the server',
            'it is older than PostgreSQL 15, which views that read as their caller need',
            'upgrade it first',
          ),
        ]
      : []),
    ...[...shared]
      .filter((name) => !known.has(name))
      .map((name) => refused(name, 'it was named as shared, and there is no such table', 'correct --shared')),
    ...facts.materializedViews.map((name) =>
      refused(
        name,
        'a materialized view keeps rows of all tenants outside of the wall',
        'make it a table that is filled for each tenant, or a plain view, or drop it',
      ),
    ),
    ...facts.tables.flatMap((table) => [
      ...ofTable(table).filter(({ severity }) => severity === 'refused' || !shared.has(table.name)),
      ...ofKeys(table, shared),
    ]),
    ...facts.definers.map((name) =>
      note(
        name,
        'it runs with its owner’s rights, past the wall',
        'the cut-over takes it from PUBLIC; grant it by name where it is safe',
      ),
    ),
  ];
}

const kinds: Readonly<Record<TableFact['kind'], readonly [string, string] | undefined>> = {
  table: undefined,
  partitioned: [
    'a partitioned table gets its keys in another way than is built here',
    'adopt it by hand: tenant_id in the partition’s keys',
  ],
  partition: ['it is a partition', 'see its table'],
  inherited: [
    'it inherits, and rows would be reached past the wall of the other table',
    'make them separate tables',
  ],
  foreign: [
    'its rows are on another server, where this wall does not stand',
    'copy them into a table, or drop it',
  ],
};

function ofTable(table: TableFact): Obstacle[] {
  const kind = kinds[table.kind];
  const { name } = table;
  return [
    ...(kind === undefined ? [] : [refused(name, ...kind)]),
    ...(table.tenant !== null && table.tenant.type !== 'uuid'
      ? [
          refused(
            name,
            `it has a tenant_id of type ${table.tenant.type}`,
            'rename the column, or make it a uuid',
          ),
        ]
      : []),
    ...(table.rowSecurity
      ? [
          refused(
            name,
            'it has row-level security of its own, which would mix with the wall',
            'take its policies off first',
          ),
        ]
      : []),
    ...table.exclusions.map((one) =>
      refused(
        name,
        `its exclusion constraint ${one} holds across tenants`,
        'put tenant_id with = into it, which needs btree_gist',
      ),
    ),
    ...table.rules.map((one) =>
      refused(name, `its rule ${one} rewrites statements past the wall`, 'make it a trigger'),
    ),
    ...(table.triggers.length > 0
      ? [
          note(
            name,
            `it has triggers: ${table.triggers.join(', ')}`,
            'they run as whoever writes, behind the wall; read them once',
          ),
        ]
      : []),
    ...(table.serials.length > 0
      ? [
          note(
            name,
            'it is numbered by a sequence that all tenants will share',
            'the cut-over makes it an identity; gaps tell tenants how much others write, uuids do not',
          ),
        ]
      : []),
    ...(table.keys.some(({ kind: key }) => key === 'primary')
      ? []
      : [
          note(
            name,
            'it has no primary key',
            'its rows cannot be paged through; export and move will be slow',
          ),
        ]),
  ];
}

function ofKeys(table: TableFact, shared: ReadonlySet<string>): Obstacle[] {
  return table.foreignKeys.flatMap((key) => {
    const problem = ofForeignKey(key, { isShared: shared.has(table.name), shared });
    return problem === undefined ? [] : [refused(`${table.name}.${key.name}`, ...problem)];
  });
}

function ofForeignKey(
  key: ForeignKeyFact,
  { isShared, shared }: { readonly isShared: boolean; readonly shared: ReadonlySet<string> },
): readonly [string, string] | undefined {
  if (!key.local)
    return ['it refers to a table of another schema', 'adopt both schemas as one, or drop the key'];
  if (isShared && !shared.has(key.table))
    return [
      `a shared table refers to ${key.table}, whose rows belong to tenants`,
      `share ${key.table} as well, or share neither`,
    ];
  if (shared.has(key.table)) return undefined;
  if (key.onUpdate === 'n' || key.onUpdate === 'd' || key.onDelete === 'd')
    return [
      'its action would take the tenant off the row',
      'make it cascade, restrict or set null on delete',
    ];
  if (key.matchFull && key.columns.length > 1)
    return [
      'MATCH FULL over several columns does not go with a tenant that is never null',
      'make it MATCH SIMPLE',
    ];
  return undefined;
}

function refused(object: string, reason: string, hint: string): Obstacle {
  return { severity: 'refused', object, reason, hint };
}

function note(object: string, reason: string, hint: string): Obstacle {
  return { severity: 'note', object, reason, hint };
}
