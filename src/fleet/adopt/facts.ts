import type { AdminDatabase } from '../../drivers/sql.ts';

export interface KeyFact {
  readonly name: string;
  readonly kind: 'primary' | 'unique';
  readonly columns: readonly string[];
  /** As PostgreSQL writes it, for the way back. */
  readonly definition: string;
  /** ` deferrable …`, or nothing. */
  readonly suffix: string;
}

export interface ForeignKeyFact {
  readonly name: string;
  readonly columns: readonly string[];
  readonly table: string;
  readonly referenced: readonly string[];
  /** In the same schema. */
  readonly local: boolean;
  readonly onDelete: 'a' | 'r' | 'c' | 'n' | 'd';
  readonly onUpdate: 'a' | 'r' | 'c' | 'n' | 'd';
  readonly matchFull: boolean;
  readonly suffix: string;
  readonly definition: string;
}

export interface TableFact {
  readonly name: string;
  readonly kind: 'table' | 'partitioned' | 'partition' | 'inherited' | 'foreign';
  /** Of the planner; -1 where it has never looked. */
  readonly rows: number;
  readonly sizeBytes: number;
  readonly columns: readonly string[];
  readonly generated: readonly string[];
  /** Type and default of a tenant column that is there already. */
  readonly tenant: { readonly type: string; readonly default: string | null } | null;
  readonly serials: readonly { readonly column: string; readonly sequence: string }[];
  readonly keys: readonly KeyFact[];
  /** Unique without a constraint. */
  readonly uniqueIndexes: readonly { readonly name: string; readonly definition: string }[];
  readonly exclusions: readonly string[];
  readonly foreignKeys: readonly ForeignKeyFact[];
  readonly triggers: readonly string[];
  readonly rules: readonly string[];
  readonly rowSecurity: boolean;
}

export interface SchemaFacts {
  readonly tables: readonly TableFact[];
  readonly views: readonly string[];
  readonly materializedViews: readonly string[];
  /** SECURITY DEFINER, with argument types. */
  readonly definers: readonly string[];
  readonly serverVersion: number;
  readonly superuser: boolean;
}

/** All of one schema that an adoption has to know, in one query. Changes nothing. */
export async function inspectSchema(admin: AdminDatabase, schema: string): Promise<SchemaFacts> {
  const { rows } = await admin.query<{ facts: SchemaFacts }>(inspectQuery, [schema]);
  const [row] = rows;
  if (row === undefined) throw new Error('the catalogue gave no answer');
  return row.facts;
}

const names = (keys: string, table: string): string =>
  `(select jsonb_agg(a.attname order by k.position) from unnest(${keys}) with ordinality k (attnum, position)
     join pg_attribute a on a.attrelid = ${table} and a.attnum = k.attnum)`;

const suffix = `case when c.condeferrable then ' deferrable' || case when c.condeferred then ' initially deferred' else '' end else '' end`;

const inspectQuery = `
with rel as (
  select c.oid, c.relname::text as name, c.relkind, c.relispartition, c.reltuples, c.relrowsecurity
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where n.nspname = $1 and c.relkind in ('r', 'p', 'v', 'm', 'f')
    and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
)
select jsonb_build_object(
  'serverVersion', current_setting('server_version_num')::integer,
  'superuser', (select rolsuper from pg_roles where rolname = current_user),
  'views', (select coalesce(jsonb_agg(name order by name), '[]') from rel where relkind = 'v'),
  'materializedViews', (select coalesce(jsonb_agg(name order by name), '[]') from rel where relkind = 'm'),
  'definers', (select coalesce(jsonb_agg(p.oid::regprocedure::text order by 1), '[]')
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = $1 and p.prosecdef),
  'tables', (select coalesce(jsonb_agg(jsonb_build_object(
    'name', r.name,
    'kind', case when r.relkind = 'f' then 'foreign' when r.relispartition then 'partition' when r.relkind = 'p' then 'partitioned'
      when exists (select from pg_inherits i where r.oid in (i.inhrelid, i.inhparent)) then 'inherited' else 'table' end,
    'rows', r.reltuples::bigint, 'sizeBytes', pg_total_relation_size(r.oid), 'rowSecurity', r.relrowsecurity,
    'columns', (select coalesce(jsonb_agg(a.attname order by a.attnum), '[]') from pg_attribute a
      where a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped),
    'generated', (select coalesce(jsonb_agg(a.attname), '[]') from pg_attribute a where a.attrelid = r.oid and a.attgenerated <> ''),
    'tenant', (select jsonb_build_object('type', format_type(a.atttypid, a.atttypmod), 'default', pg_get_expr(d.adbin, d.adrelid))
      from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
      where a.attrelid = r.oid and a.attname = 'tenant_id' and not a.attisdropped),
    'serials', (select coalesce(jsonb_agg(jsonb_build_object('column', a.attname, 'sequence', s.oid::regclass::text)), '[]')
      from pg_attribute a
      join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
      join pg_depend p on p.classid = 'pg_attrdef'::regclass and p.objid = d.oid and p.refclassid = 'pg_class'::regclass
      join pg_class s on s.oid = p.refobjid and s.relkind = 'S'
      where a.attrelid = r.oid),
    'keys', (select coalesce(jsonb_agg(jsonb_build_object('name', c.conname, 'kind', case c.contype when 'p' then 'primary' else 'unique' end,
        'columns', ${names('c.conkey', 'c.conrelid')}, 'definition', pg_get_constraintdef(c.oid), 'suffix', ${suffix}) order by c.conname), '[]')
      from pg_constraint c where c.conrelid = r.oid and c.contype in ('p', 'u')),
    'uniqueIndexes', (select coalesce(jsonb_agg(jsonb_build_object('name', i.relname, 'definition', pg_get_indexdef(i.oid)) order by i.relname), '[]')
      from pg_index x join pg_class i on i.oid = x.indexrelid
      where x.indrelid = r.oid and x.indisunique and not exists (select from pg_constraint c where c.conindid = i.oid)),
    'exclusions', (select coalesce(jsonb_agg(c.conname), '[]') from pg_constraint c where c.conrelid = r.oid and c.contype = 'x'),
    'foreignKeys', (select coalesce(jsonb_agg(jsonb_build_object('name', c.conname, 'columns', ${names('c.conkey', 'c.conrelid')},
        'table', t.relname, 'referenced', ${names('c.confkey', 'c.confrelid')}, 'local', tn.nspname = $1,
        'onDelete', c.confdeltype, 'onUpdate', c.confupdtype, 'matchFull', c.confmatchtype = 'f',
        'suffix', ${suffix}, 'definition', pg_get_constraintdef(c.oid)) order by c.conname), '[]')
      from pg_constraint c join pg_class t on t.oid = c.confrelid join pg_namespace tn on tn.oid = t.relnamespace
      where c.conrelid = r.oid and c.contype = 'f'),
    'triggers', (select coalesce(jsonb_agg(t.tgname order by t.tgname), '[]') from pg_trigger t where t.tgrelid = r.oid and not t.tgisinternal),
    'rules', (select coalesce(jsonb_agg(w.rulename), '[]') from pg_rewrite w where w.ev_class = r.oid)
  ) order by r.name), '[]') from rel r where r.relkind in ('r', 'p', 'f'))
) as facts`;
