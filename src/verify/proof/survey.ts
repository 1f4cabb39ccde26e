import type { SqlParser } from '../../drivers/sql-parser.ts';
import type { Severity } from './finding.ts';
import {
  publicRole,
  type ColumnTypeFact,
  type Facts,
  type GrantFact,
  type Oid,
  type PolicyFact,
  type RelationFact,
} from './facts/facts.ts';
import type { ProofOptions } from './options.ts';
import { quoteName, quoteQualified } from './sql-names.ts';
import type { ContextExpression } from './walls/context-expression.ts';

/** The facts with what conditions look up in them. Built once per proof. */
export interface Survey {
  readonly options: ProofOptions;
  readonly facts: Facts;
  readonly parser: SqlParser;
  readonly context: ContextExpression;
  /** How grave it is when something is missing that the claim can stand without. */
  readonly advisory: Severity;
  /** Tables with the tenant column that the proof is about. */
  readonly tenantTables: readonly RelationFact[];
  readonly globalTables: readonly RelationFact[];
  /** Tables the login reaches outside the schemas that were asked for. */
  readonly outside: readonly RelationFact[];
  readonly relation: (oid: Oid) => RelationFact | undefined;
  /** Quoted, with its schema. */
  readonly nameOf: (relation: Pick<RelationFact, 'schema' | 'name'>) => string;
  /** Quoted; PUBLIC for 0. */
  readonly roleName: (oid: Oid) => string;
  readonly isOurs: (role: Oid) => boolean;
  readonly isGlobal: (relation: RelationFact) => boolean;
  /** Reached: its schema may be used and there is at least one privilege on it. */
  readonly isReached: (relation: RelationFact) => boolean;
  /** Privileges of the login or a role it can become, on the relation or on a column, as far as the schema may be used. */
  readonly privileges: (relation: RelationFact) => ReadonlySet<string>;
  readonly grants: (relation: RelationFact) => readonly GrantFact[];
  readonly columnGrants: (
    relation: RelationFact,
  ) => readonly (GrantFact & { readonly onTenantColumn: boolean })[];
  readonly policies: (relation: RelationFact) => readonly PolicyFact[];
  readonly typeOf: (relation: RelationFact) => ColumnTypeFact | undefined;
}

const everything = ['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER', 'USAGE'].map(
  (privilege) => ({ privilege }),
);
const none: readonly never[] = [];
const nothing: ReadonlySet<string> = new Set();

export function toSurvey(input: {
  readonly options: ProofOptions;
  readonly facts: Facts;
  readonly parser: SqlParser;
  readonly context: ContextExpression;
}): Survey {
  const { facts, options } = input;
  const relations = new Map(facts.relations.map((relation) => [relation.oid, relation]));
  const roles = new Map(facts.roles.map((role) => [role.oid, role]));
  const types = new Map(facts.columnTypes.map((type) => [type.oid, type]));
  const usable = new Set(facts.schemas.filter((schema) => schema.usable).map((schema) => schema.name));
  const globals = new Set(
    (options.globalTables ?? []).map((name) => (name.includes('.') ? name : `public.${name}`)),
  );
  const grants = spread(facts.relationGrants, (group) => group.grants);
  const columnGrants = spread(facts.columnGrants, ({ onTenantColumn, grants: all }) =>
    all.map((grant) => ({ ...grant, onTenantColumn })),
  );
  const policies = spread(facts.policies, (policy) => [policy]);
  const privilegesOf = createPrivilegeSets();
  const privileges = new Map<Oid, ReadonlySet<string>>();

  const lookups: Omit<Survey, 'tenantTables' | 'globalTables' | 'outside'> = {
    ...input,
    advisory: options.walls.kind === 'canonical' ? 'error' : 'warning',
    relation: (oid) => relations.get(oid),
    nameOf: ({ schema, name }) => quoteQualified(schema, name),
    roleName: (oid) => (oid === publicRole ? 'PUBLIC' : quoteName(roles.get(oid)?.name ?? `role ${oid}`)),
    isOurs: (oid) => roles.has(oid),
    isGlobal: ({ schema, name }) => globals.has(`${schema}.${name}`),
    isReached: (relation) => lookups.privileges(relation).size > 0,
    privileges: (relation) => {
      const known = privileges.get(relation.oid);
      if (known !== undefined) return known;
      const found = usable.has(relation.schema)
        ? privilegesOf([
            grants.get(relation.oid) ?? none,
            columnGrants.get(relation.oid) ?? none,
            roles.has(relation.owner) ? everything : none,
          ])
        : nothing;
      privileges.set(relation.oid, found);
      return found;
    },
    grants: ({ oid }) => grants.get(oid) ?? [],
    columnGrants: ({ oid }) => columnGrants.get(oid) ?? [],
    policies: ({ oid }) => policies.get(oid) ?? [],
    typeOf: ({ tenant }) => (tenant === undefined ? undefined : types.get(tenant.type)),
  };
  return { ...lookups, ...sortTables(lookups) };
}

/** Privileges as sets. Thousands of relations share a handful of grants, so sets are made per combination of lists. */
function createPrivilegeSets(): (
  lists: readonly (readonly Pick<GrantFact, 'privilege'>[])[],
) => ReadonlySet<string> {
  const numbers = new Map<object, number>();
  const sets = new Map<string, ReadonlySet<string>>();
  return (lists) => {
    for (const list of lists) if (!numbers.has(list)) numbers.set(list, numbers.size);
    const key = lists.map((list) => numbers.get(list)).join();
    const known = sets.get(key);
    if (known !== undefined) return known;
    const made = new Set(lists.flat().map(({ privilege }) => privilege));
    sets.set(key, made);
    return made;
  };
}

type TableSorts = Pick<Survey, 'tenantTables' | 'globalTables' | 'outside'>;

function sortTables(survey: Omit<Survey, keyof TableSorts>): TableSorts {
  const { options } = survey;
  const wanted = options.schemas === undefined ? undefined : new Set(options.schemas);
  const inScope = ({ schema }: RelationFact): boolean => wanted === undefined || wanted.has(schema);
  const hidden = new Set(options.privateSchemas ?? []);
  const tables = survey.facts.relations.filter(({ kind }) => kind === 'r' || kind === 'p');
  return {
    // A schema of ours is walled throughout; elsewhere a table nobody can reach needs no wall.
    tenantTables: tables.filter(
      (table) =>
        table.tenant !== undefined &&
        inScope(table) &&
        !survey.isGlobal(table) &&
        (survey.isReached(table) || (options.walls.kind === 'canonical' && !hidden.has(table.schema))),
    ),
    globalTables: tables.filter((table) => survey.isGlobal(table)),
    outside: tables.filter((table) => !inScope(table) && survey.isReached(table)),
  };
}

/** From one entry with many relations to many relations with their entries. */
function spread<Group extends { readonly relations: readonly Oid[] }, Item>(
  groups: readonly Group[],
  items: (group: Group) => readonly Item[],
): ReadonlyMap<Oid, readonly Item[]> {
  const found = new Map<Oid, readonly Item[]>();
  for (const group of groups) {
    const all = items(group);
    // A relation is listed once per column; the same grant twice says nothing new.
    for (const oid of new Set(group.relations)) {
      const before = found.get(oid);
      found.set(oid, before === undefined ? all : [...before, ...all]);
    }
  }
  return found;
}
