/** Small typed steps over PostgreSQL's parse tree. */
import { kindOf, type SqlNode, type SqlNodeKind } from '../../../drivers/sql-parser.ts';

type Member<K extends string> = Extract<SqlNode, Record<K, unknown>>;
/** The fields of nodes of one type. */
export type NodeOf<K extends SqlNodeKind> = Member<K> extends Record<K, infer Fields> ? Fields : never;

/** The fields of a node when it is of that type. */
export function as<K extends SqlNodeKind>(node: SqlNode | undefined, kind: K): NodeOf<K> | undefined {
  if (node === undefined || kindOf(node) !== kind) return undefined;
  return (node as unknown as Record<string, NodeOf<K>>)[kind];
}

/** The text of each String in a list, as in a list of column names; other nodes are left out. */
export function namesOf(nodes: readonly SqlNode[] | undefined): string[] {
  return (nodes ?? []).flatMap((node) => as(node, 'String')?.sval ?? []);
}

/** The nodes of one type in a list. */
export function allOf<K extends SqlNodeKind>(nodes: readonly SqlNode[] | undefined, kind: K): NodeOf<K>[] {
  return (nodes ?? []).flatMap((node) => as(node, kind) ?? []);
}

/**
 * Calls `visit` for every node of a tree, the root included.
 * Some fields hold a node's fields without its type around them (`relation`, `typeName`); their type is told by `fieldKinds`.
 */
export function walk(node: SqlNode, visit: (node: SqlNode) => void): void {
  visit(node);
  const kind = kindOf(node);
  walkFields((node as unknown as Record<string, unknown>)[kind], visit);
}

/** Fields whose value is always of one type, and therefore comes without it. */
const fieldKinds: Readonly<Record<string, SqlNodeKind>> = {
  relation: 'RangeVar',
  pktable: 'RangeVar',
  view: 'RangeVar',
  constrrel: 'RangeVar',
  typeName: 'TypeName',
  returnType: 'TypeName',
  argType: 'TypeName',
  ofTypename: 'TypeName',
  typevar: 'RangeVar',
  selectStmt: 'SelectStmt',
  larg: 'SelectStmt',
  rarg: 'SelectStmt',
  collClause: 'CollateClause',
  withClause: 'WithClause',
  onConflictClause: 'OnConflictClause',
  over: 'WindowDef',
};

function walkFields(fields: unknown, visit: (node: SqlNode) => void): void {
  if (typeof fields !== 'object' || fields === null) return;
  for (const [field, value] of Object.entries(fields)) walkValue(field, value, visit);
}

function walkValue(field: string, value: unknown, visit: (node: SqlNode) => void): void {
  if (Array.isArray(value)) {
    for (const item of value) walkValue(field, item, visit);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  const keys = Object.keys(value);
  const [only] = keys;
  // Types of nodes begin with a capital letter, fields never do.
  if (keys.length === 1 && only !== undefined && /^[A-Z]/.test(only)) {
    walk(value as SqlNode, visit);
    return;
  }
  const kind = fieldKinds[field];
  // A field name such as `relation` is also used for plain nodes; those were caught above.
  if (kind === undefined) walkFields(value, visit);
  else walk({ [kind]: value } as unknown as SqlNode, visit);
}
