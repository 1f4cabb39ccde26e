/** What the catalogue says, as read. Conditions are pure functions of it; nothing here judges. */

/** 0 stands for PUBLIC where a role is meant. */
export type Oid = number;

export const publicRole: Oid = 0;

export interface Facts {
  readonly server: ServerFact;
  /** The login under proof and every role it can become; the login first. Empty when there is no such role. */
  readonly roles: readonly RoleFact[];
  readonly memberships: readonly MembershipFact[];
  /** What those roles own, at most 100 of them. */
  readonly owned: readonly OwnedFact[];
  readonly viewOwners: readonly ViewOwnerFact[];
  readonly settings: readonly SettingFact[];
  readonly contextSettings: readonly ContextSettingFact[];
  readonly schemas: readonly SchemaFact[];
  readonly databaseGrants: readonly GrantFact[];
  readonly relations: readonly RelationFact[];
  readonly relationGrants: readonly RelationGrantsFact[];
  readonly columnGrants: readonly ColumnGrantsFact[];
  readonly inheritance: readonly InheritanceFact[];
  readonly columnTypes: readonly ColumnTypeFact[];
  readonly policies: readonly PolicyFact[];
  readonly uniqueKeyCount: number;
  /** Unique indexes and exclusion constraints of tenant tables without the tenant column among their keys. */
  readonly tenantlessKeys: readonly UniqueKeyFact[];
  readonly foreignKeyCount: number;
  /** Foreign keys from or to a tenant table that do not pair the two tenant columns. */
  readonly unpairedKeys: readonly ForeignKeyFact[];
  readonly viewSources: readonly ViewSourceFact[];
  readonly functions: readonly FunctionFact[];
  readonly equalityOperators: readonly OperatorFact[];
  readonly triggerCount: number;
  /** Triggers whose function runs with its owner's rights. */
  readonly definerTriggers: readonly TriggerFact[];
  readonly rules: readonly RuleFact[];
  readonly ownedSequences: readonly OwnedSequenceFact[];
  readonly foreignServers: readonly ForeignServerFact[];
  readonly languages: readonly NamedFact[];
  readonly extensions: readonly ExtensionFact[];
  readonly largeObjects: LargeObjectsFact;
  readonly defaultPrivileges: readonly DefaultPrivilegeFact[];
  readonly publications: readonly PublicationFact[];
  readonly parameters: readonly ParameterFact[];
  /** Relations of pg_catalog that hold data and that somebody granted. */
  readonly catalogGrants: readonly CatalogGrantFact[];
}

export interface ServerFact {
  readonly versionNum: number;
  readonly version: string;
  readonly database: string;
  readonly lobsUnchecked: boolean;
  /** False on a cluster made before the fix of CVE-2024-4317 whose views were not rebuilt. */
  readonly extendedStatisticsGuarded: boolean;
}

export interface NamedFact {
  readonly name: string;
}

export interface RoleFact {
  readonly oid: Oid;
  readonly name: string;
  readonly superuser: boolean;
  readonly bypassRls: boolean;
  readonly createRole: boolean;
  readonly createDatabase: boolean;
  readonly replication: boolean;
  /** Made by PostgreSQL itself, as pg_read_all_data. */
  readonly predefined: boolean;
}

export interface MembershipFact {
  readonly member: Oid;
  readonly role: Oid;
  /** The member has the role's rights without asking. */
  readonly inherits: boolean;
  /** The member may SET ROLE to it. */
  readonly settable: boolean;
}

export interface ViewOwnerFact {
  readonly oid: Oid;
  readonly name: string;
  readonly privileged: boolean;
  /** Itself and every role whose rights it has. */
  readonly inherits: readonly Oid[];
}

export interface ContextSettingFact {
  readonly name: string;
  /** It has a value in a session that has set nothing. */
  readonly preset: boolean;
}

export interface OwnedFact {
  readonly owner: Oid;
  readonly object: string;
}

export interface SettingFact {
  /** Empty for a default of the whole database. */
  readonly role: string;
  readonly everyDatabase: boolean;
  readonly name: string;
}

export interface SchemaFact {
  readonly name: string;
  readonly usable: boolean;
  readonly creatable: boolean;
}

export interface GrantFact {
  readonly grantee: Oid;
  readonly privilege: string;
  readonly grantable: boolean;
}

/** r table, p partitioned table, v view, m materialized view, f foreign table, S sequence. */
export type RelationKind = 'r' | 'p' | 'v' | 'm' | 'f' | 'S';

export interface RelationFact {
  readonly oid: Oid;
  readonly schema: string;
  readonly name: string;
  readonly kind: RelationKind;
  readonly owner: Oid;
  readonly rls: boolean;
  readonly forced: boolean;
  readonly invoker: boolean;
  readonly ofExtension: boolean;
  readonly tenant: TenantColumnFact | undefined;
}

export interface TenantColumnFact {
  readonly notNull: boolean;
  readonly type: Oid;
  /** False for a collation under which different strings are equal. */
  readonly deterministic: boolean;
}

export interface ColumnTypeFact {
  readonly oid: Oid;
  readonly name: string;
  /** The type under a domain. */
  readonly base: string;
}

export interface RelationGrantsFact {
  readonly relations: readonly Oid[];
  readonly grants: readonly GrantFact[];
}

export interface ColumnGrantsFact extends RelationGrantsFact {
  /** Whether these are grants on the tenant column itself, or on some other column. */
  readonly onTenantColumn: boolean;
}

export interface InheritanceFact {
  readonly child: Oid;
  readonly parent: Oid;
}

export interface PolicyFact {
  /** Tables that have this very policy: same name, command, roles and expressions. */
  readonly relations: readonly Oid[];
  readonly name: string;
  /** * for ALL, r SELECT, a INSERT, w UPDATE, d DELETE. */
  readonly command: '*' | 'r' | 'a' | 'w' | 'd';
  readonly permissive: boolean;
  readonly roles: readonly Oid[];
  readonly using: string | null;
  readonly check: string | null;
  /** Tables and views it asks in sub-selects. */
  readonly reads: readonly Oid[];
}

export interface UniqueKeyFact {
  readonly relation: Oid;
  readonly name: string;
  readonly constraint: boolean;
  readonly primary: boolean;
  readonly columns: readonly string[];
  /** Some key part is an expression. */
  readonly expression: boolean;
  /** One of its columns is a uuid: a value that cannot be guessed. */
  readonly unguessable: boolean;
}

export interface ForeignKeyFact {
  readonly relation: Oid;
  readonly name: string;
  readonly target: Oid;
  readonly columns: readonly string[];
  readonly targetColumns: readonly string[];
  /** Its only column is the tenant column, as in a reference to the list of tenants. */
  readonly tenantOnly: boolean;
}

export interface ViewSourceFact {
  readonly view: Oid;
  readonly source: Oid;
}

export interface FunctionFact {
  readonly oid: Oid;
  readonly schema: string;
  readonly name: string;
  /** schema.name(argument types), quoted as PostgreSQL does. */
  readonly signature: string;
  readonly definer: boolean;
  readonly leakproof: boolean;
  /** i immutable, s stable, v volatile. */
  readonly volatility: 'i' | 's' | 'v';
  readonly language: string;
  readonly trustedLanguage: boolean;
  /** The pinned search_path, or null. */
  readonly searchPath: string | null;
  /** SQL-standard body: names were resolved when it was made. */
  readonly boundBody: boolean;
  readonly owner: Oid;
  readonly ownerName: string;
  readonly ownerPrivileged: boolean;
  readonly ownerLogin: boolean;
  readonly executable: boolean;
  readonly isTrigger: boolean;
  readonly extension: string | null;
  /** Of the body. */
  readonly md5: string;
}

export interface OperatorFact {
  readonly signature: string;
}

export interface TriggerFact {
  readonly relation: Oid;
  readonly name: string;
  readonly function: Oid;
}

export interface RuleFact {
  readonly relation: Oid;
  readonly name: string;
}

export interface OwnedSequenceFact {
  readonly sequence: Oid;
  readonly table: Oid;
  readonly column: string;
}

export interface ForeignServerFact {
  readonly name: string;
  readonly kind: 'wrapper' | 'server' | 'mapping';
}

export interface ExtensionFact {
  readonly name: string;
  readonly version: string;
}

export interface LargeObjectsFact {
  /** Null where the reader may not list them. */
  readonly count: number | null;
  /** Owned by or granted to the roles under proof, at most 20. */
  readonly reached: readonly Oid[];
}

export interface DefaultPrivilegeFact {
  readonly owner: string;
  /** Empty for every schema. */
  readonly schema: string;
  /** r tables, S sequences, f functions, T types, n schemas, L large objects. */
  readonly kind: string;
  readonly grantee: Oid;
  readonly privilege: string;
}

export interface PublicationFact {
  readonly name: string;
  readonly allTables: boolean;
  /** Tables it sends, with those of its schemas. */
  readonly relations: readonly Oid[];
  /** Tables it sends with a row filter. */
  readonly filtered: readonly Oid[];
}

export interface ParameterFact {
  readonly name: string;
  readonly privilege: string;
  readonly grantee: Oid;
}

export interface CatalogGrantFact {
  readonly name: string;
  readonly privilege: string;
  readonly grantee: Oid;
}
