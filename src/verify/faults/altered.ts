import type { Compartment } from '../../core/compartment.ts';
import { getCurrentTenant, type Scope } from '../../core/scope.ts';
import type { Registry } from '../../registry/registry.ts';
import type { AttackedNode, AttackedRows } from '../attack/node.ts';

/** The same object but for some members. Members that stay are called on the object itself, private fields and all. */
export function altered<Target extends object>(target: Target, changes: Partial<Target>): Target {
  return new Proxy(target, {
    get(_, name) {
      if (Object.hasOwn(changes, name)) return Reflect.get(changes, name) as unknown;
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

export function withRegistry(node: AttackedNode, changes: Partial<Registry>): AttackedNode {
  return { ...node, registry: altered(node.registry, changes) };
}

type Rows = AttackedNode['rows'];

/** The node with other rows, in the loop over compartments too, whose own probes attack what stands around them. */
export function withRows(node: AttackedNode, changes: Partial<Rows>): AttackedNode {
  const { rows } = node;
  const faulty: Rows = altered<Rows>(rows, {
    ...changes,
    probe: changes.probe ?? ((target) => rows.probe.call(faulty, target)),
  });
  const compartments = node.compartments.map((one): Compartment =>
    one.kind === 'rows' ? (faulty as unknown as Compartment) : one,
  );
  return { ...node, rows: faulty, compartments };
}

/** The node whose every handle is made over. */
export function withHandles(
  node: AttackedNode,
  makeOver: (handle: AttackedRows, scope: Scope) => AttackedRows,
): AttackedNode {
  return withRows(node, {
    open: async (scope) => makeOver(await node.rows.open(scope), scope),
    current: () => makeOver(node.rows.current(), getCurrentTenant()),
  });
}

/** A handle that is opened with its first call. */
export function lazily(open: () => Promise<AttackedRows>): AttackedRows {
  return {
    sql: async (strings, ...values) => (await open()).sql(strings, ...values),
    table: (name) => ({
      findById: async (id) => (await open()).table(name).findById(id),
      findAll: async (query) => (await open()).table(name).findAll(query),
      create: async (values) => (await open()).table(name).create(values),
      update: async (id, changes) => (await open()).table(name).update(id, changes),
      delete: async (id) => (await open()).table(name).delete(id),
      count: async () => (await open()).table(name).count(),
    }),
    transaction: async (body) => (await open()).transaction(body),
    [Symbol.asyncDispose]: async () => {},
  };
}
