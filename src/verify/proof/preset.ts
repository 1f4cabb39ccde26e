import type { Clock } from '../../core/clock.ts';
import type { Baseline } from './baseline.ts';
import type { AllowedFunction, ProofOptions } from './options.ts';

/** The context of every wall of ours. */
export const wallContext = 'bulkhead_wall.current_tenant_id()';

/** The wall as PostgreSQL deparses it under search_path = pg_catalog. */
export const wallExpression = `(tenant_id = ( SELECT ${wallContext} AS current_tenant_id))`;

/** md5 of the body of every version of the wall's function that was released, as in `sql/wall/`. */
const wallFunctionBodies = ['330764eb5fb5f939d421a81045d91773', 'c2f4f020322a2c277db0a62562d15033'];

/** What notes a tenant's writes while it is moved; a trigger of its tables for that time. */
const moveFunction = {
  signature: 'bulkhead_wall.capture_change()',
  md5: ['b47758df97cf56a46cc5d2add2d5544f'],
};

/** Lexical search over passages: a table that no tenant may touch, what fills it, and what searches it for the capability's tenant. */
const lexicalFunctions = [
  { signature: 'bulkhead_lexical.keep()', md5: ['b5679f21315a6347503830a50f7fe796'] },
  {
    signature: 'bulkhead_lexical.search(text,text,regconfig,integer)',
    md5: ['9a71c2e90b56ecd4b430c4845edc35cc'],
  },
];

export interface ContainerToProve {
  /** The login under proof. */
  readonly appRole: string;
  /** The NOLOGIN owner of the wall's function. */
  readonly wallRole: string;
  readonly globalTables?: readonly string[];
  /** Beside the wall's own. */
  readonly definers?: readonly AllowedFunction[];
  readonly extensions?: readonly string[];
  /** Those that a move of a tenant has open just now. */
  readonly publications?: readonly string[];
  readonly schemas?: readonly string[];
  readonly baseline?: Baseline | undefined;
  readonly clock?: Clock;
}

/** What holds for a container database that Bulkhead made. */
export function bulkheadProof(container: ContainerToProve): ProofOptions {
  const { appRole, wallRole, definers = [], ...rest } = container;
  return {
    ...rest,
    role: appRole,
    tenantColumn: 'tenant_id',
    context: wallContext,
    walls: { kind: 'canonical', expression: wallExpression, owner: wallRole },
    // Of the registry, of the wall, and of lexical search.
    privateSchemas: ['bulkhead', 'bulkhead_wall', 'bulkhead_lexical'],
    definers: [
      { signature: wallContext, md5: wallFunctionBodies },
      moveFunction,
      ...lexicalFunctions,
      ...definers,
    ],
  };
}
