import type { AdminTransaction } from '../../../drivers/sql.ts';
import type { Facts, RelationFact } from './facts.ts';
import { accessSections, reachCtes } from './sql-access.ts';
import { objectSections, relationCtes } from './sql-objects.ts';
import { publicationCte, ruleSections, serverParts, type Server } from './sql-rules.ts';

/** What decides which facts are read. */
export interface FactQuestion {
  readonly role: string;
  readonly tenantColumn: string;
  /** Names of functions and settings that the context expression uses. */
  readonly contextFunctions: readonly string[];
  readonly contextSettings: readonly string[];
}

/**
 * Reads all facts in one statement, so that they are of one moment. Expects `search_path = pg_catalog`: deparsed
 * expressions then carry qualified names.
 * @returns the facts and the text they were parsed from, for hashing
 */
export async function readFacts(
  tx: AdminTransaction,
  question: FactQuestion,
): Promise<{ facts: Facts; text: string }> {
  const { rows: servers } = await tx.query<{ num: number; lobs: boolean }>(
    `select current_setting('server_version_num')::integer as num, has_table_privilege('pg_largeobject_metadata', 'SELECT') as lobs`,
  );
  const server = { versionNum: Number(servers[0]?.num), listsLargeObjects: servers[0]?.lobs === true };
  const { rows } = await tx.query<{ facts: string }>(factStatement(server), [
    question.role,
    question.tenantColumn,
    question.contextFunctions,
    question.contextSettings,
  ]);
  const text = rows[0]?.facts ?? '{}';
  return { facts: toFacts(JSON.parse(text) as Raw), text };
}

type Raw = Omit<Facts, 'relations' | 'largeObjects'> & {
  readonly relations: readonly RelationColumns[];
  readonly largeObjects: readonly Facts['largeObjects'][];
};

/** Relations by column, as the statement sends them. Absent arrays: there are no relations. */
interface RelationColumns {
  readonly oid: readonly number[] | null;
  readonly schema: readonly string[];
  readonly name: readonly string[];
  readonly kind: readonly RelationFact['kind'][];
  readonly owner: readonly number[];
  readonly rls: readonly boolean[];
  readonly forced: readonly boolean[];
  readonly invoker: readonly boolean[];
  readonly ofExtension: readonly boolean[];
  readonly notNull: readonly (boolean | null)[];
  readonly type: readonly (number | null)[];
  readonly deterministic: readonly boolean[];
}

function toFacts(raw: Raw): Facts {
  const [columns] = raw.relations;
  return {
    ...raw,
    relations: columns === undefined ? [] : toRelations(columns),
    largeObjects: raw.largeObjects[0] ?? { count: null, reached: [] },
  };
}

function toRelations(columns: RelationColumns): RelationFact[] {
  return (columns.oid ?? []).map((oid, i) => {
    const type = columns.type[i] ?? null;
    return {
      oid,
      schema: columns.schema[i] ?? '',
      name: columns.name[i] ?? '',
      kind: columns.kind[i] ?? 'r',
      owner: columns.owner[i] ?? 0,
      rls: columns.rls[i] === true,
      forced: columns.forced[i] === true,
      invoker: columns.invoker[i] === true,
      ofExtension: columns.ofExtension[i] === true,
      tenant:
        type === null
          ? undefined
          : { notNull: columns.notNull[i] === true, type, deterministic: columns.deterministic[i] === true },
    };
  });
}

function factStatement(server: Server): string {
  const { versionNum } = server;
  const ctes = [reachCtes, relationCtes, publicationCte(versionNum)].join(', ');
  const sections = Object.entries({ ...accessSections, ...objectSections, ...ruleSections }).map(
    ([name, query]) => `'${name}', coalesce((select json_agg(x) from (${query}) x), '[]')`,
  );
  const parts = serverParts(server);
  const text = `with recursive ${ctes} select json_build_object(
    'server', ${serverObject(versionNum)},
    'uniqueKeyCount', (select count(*) from ukey),
    'foreignKeyCount', (select count(*) from pg_constraint c join rel on rel.oid = c.conrelid where c.contype = 'f'),
    'triggerCount', (select count(*) from pg_trigger t join rel on rel.oid = t.tgrelid where not t.tgisinternal),
    ${sections.join(',\n')})::text as facts`;
  return text.replaceAll(/\{\{(\w+)\}\}/g, (whole, name: string) => parts[name] ?? whole);
}

function serverObject(versionNum: number): string {
  // The guarded views test for membership of the table's owner; up to CVE-2024-4317 they did not.
  const guarded =
    versionNum >= 170_000
      ? 'true'
      : `position('pg_has_role' in pg_get_viewdef('pg_catalog.pg_stats_ext'::regclass)) > 0`;
  return `json_build_object(
      'versionNum', ${versionNum}, 'version', current_setting('server_version'), 'database', current_database(),
      'lobsUnchecked', current_setting('lo_compat_privileges')::boolean, 'extendedStatisticsGuarded', ${guarded})`;
}
