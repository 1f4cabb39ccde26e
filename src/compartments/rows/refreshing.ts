import { isBulkheadError } from '../../core/errors.ts';
import type { Row } from '../../drivers/sql.ts';
import type { ContainerTables } from './container-tables.ts';
import type { Repository } from './rows.ts';

/** Undefined column, undefined table: the container is at another version than this node thinks. */
const otherVersion: ReadonlySet<unknown> = new Set(['42703', '42P01']);

/**
 * A repository that notices that its container has been migrated, or has not been yet, and then speaks of the columns
 * it has. The statement that found out has changed nothing and is made anew, once.
 */
export function refreshing<T extends Row>(
  tables: ContainerTables,
  create: () => Repository<T>,
): Repository<T> {
  const known = create();
  const attempt = <R>(call: (repository: Repository<T>) => Promise<R>): Promise<R> =>
    call(known).catch(async (cause: unknown) => {
      const mismatch = isBulkheadError(cause, 'value_invalid') && otherVersion.has(cause.detail['sqlState']);
      if (!mismatch || !(await tables.refresh())) throw cause;
      return await call(create());
    });
  return {
    columns: known.columns,
    findById: (id) => attempt((repository) => repository.findById(id)),
    findAll: (query) => attempt((repository) => repository.findAll(query)),
    findOne: (where) => attempt((repository) => repository.findOne(where)),
    create: (values) => attempt((repository) => repository.create(values)),
    update: (id, changes) => attempt((repository) => repository.update(id, changes)),
    delete: (id) => attempt((repository) => repository.delete(id)),
    count: (where) => attempt((repository) => repository.count(where)),
  };
}
