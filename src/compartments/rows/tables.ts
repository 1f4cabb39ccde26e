import type { ColumnModel, TableModel } from './migrations/table-model.ts';

/** A table as repositories and loops use it. */
export interface Table extends TableModel {
  readonly byName: ReadonlyMap<string, ColumnModel>;
  /** Views and reference tables may lack the tenant's column; the wall is below them. */
  readonly hasTenant: boolean;
}

/** @returns every table after those it refers to, so that rows go in in this order and out in the other */
export function toTables(models: readonly TableModel[]): readonly Table[] {
  const byName = new Map(models.map((model) => [model.name, model]));
  const ordered: TableModel[] = [];
  const visited = new Set<string>();
  const visit = (model: TableModel): void => {
    if (visited.has(model.name)) return;
    visited.add(model.name);
    for (const { table } of model.references) {
      const referenced = byName.get(table);
      if (referenced !== undefined) visit(referenced);
    }
    ordered.push(model);
  };
  for (const model of models) visit(model);
  return Object.freeze(ordered.map(toTable));
}

function toTable(model: TableModel): Table {
  const byName = new Map(model.columns.map((column) => [column.name, column]));
  return Object.freeze({ ...model, byName, hasTenant: byName.has('tenant_id') });
}

/** The tables that hold tenants' rows: what is exported, counted and erased. */
export function tenantTables(tables: readonly Table[]): readonly Table[] {
  return tables.filter(({ kind }) => kind === 'tenant');
}

/** Columns a copy writes: not the tenant, which the target sets, and not what the database computes. */
export function copiedColumns(table: Table): readonly ColumnModel[] {
  return table.columns.filter(({ name, generated }) => name !== 'tenant_id' && !generated);
}
