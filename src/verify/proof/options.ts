import type { Clock } from '../../core/clock.ts';
import type { Baseline } from './baseline.ts';

/** What to prove, of whom. */
export interface ProofOptions {
  /** The login under proof. */
  readonly role: string;
  readonly tenantColumn: string;
  /** The expression that says which tenant a statement is for. Left out: taken from the policies, if they agree. */
  readonly context?: string | undefined;
  readonly walls: WallShape;
  /** Tables for all tenants, `schema.table`: readable, never writable. Without a schema, `public` is meant. */
  readonly globalTables?: readonly string[];
  /** Schemas of the installation's own, with nothing in them that the login may touch. */
  readonly privateSchemas?: readonly string[];
  /** SECURITY DEFINER functions that somebody has read. */
  readonly definers?: readonly AllowedFunction[];
  /** Extensions beside those of `knownExtensions`. */
  readonly extensions?: readonly string[];
  /** Publications that somebody has read, as one that moves tenants. */
  readonly publications?: readonly string[];
  /** Look at tables of these schemas only, and say so in the claim. Left out: every schema. */
  readonly schemas?: readonly string[];
  readonly baseline?: Baseline | undefined;
  readonly clock?: Clock;
}

/**
 * `canonical`: schemas made by Bulkhead, where the wall is one exact text and everything advisable is required.
 * `handwritten`: policies are parsed, and what the claim does not need is a warning.
 */
export type WallShape =
  | {
      readonly kind: 'canonical';
      /** As PostgreSQL deparses it under search_path = pg_catalog. */
      readonly expression: string;
      /** The NOLOGIN owner of the context function. */
      readonly owner: string;
    }
  | { readonly kind: 'handwritten' };

export interface AllowedFunction {
  /** schema.name(argument types), as `regprocedure` prints it under search_path = pg_catalog. */
  readonly signature: string;
  /** md5 of the body, of every version that was read. */
  readonly md5: readonly string[];
}

/** Extensions that neither reach another database or the file system nor show what other sessions do. */
export const knownExtensions: readonly string[] = [
  'plpgsql',
  'vector',
  'pgcrypto',
  'uuid-ossp',
  'citext',
  'hstore',
  'ltree',
  'unaccent',
  'fuzzystrmatch',
  'tablefunc',
  'pg_trgm',
  'btree_gin',
  'btree_gist',
  'intarray',
  'cube',
  'earthdistance',
  'bloom',
  'isn',
  'seg',
  'dict_int',
  'dict_xsyn',
  'tsm_system_rows',
  'tsm_system_time',
];

/** The options that decide the outcome, for hashing. */
export function toComparable(options: ProofOptions): object {
  const { clock: _clock, baseline: _baseline, ...rest } = options;
  return rest;
}
