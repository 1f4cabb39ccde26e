import { parseVersion, toVersion, toVersionText, type SchemaVersion } from '../../core/schema-version.ts';
import type { ModelStep } from './migrations/compile.ts';
import type { TableModel } from './migrations/table-model.ts';
import { toTableSql, type TableSql } from './repository.ts';
import { toTables, type Table } from './tables.ts';

/** The tables of a container at one version. */
export interface VersionTables {
  readonly version: string;
  /** Referenced tables first. */
  readonly tables: readonly Table[];
  readonly byName: ReadonlyMap<string, TableSql>;
}

type Models = ReadonlyMap<string, TableModel>;

/**
 * Tables by version, so that tenants whose container has not been migrated yet are served beside the others. A version
 * is derived from the newest by taking back what the migrations it lacks have done; no container is asked.
 */
export class TablesByVersion {
  readonly head: VersionTables;
  readonly #steps: readonly ModelStep[];
  readonly #known = new Map<string, VersionTables>();

  constructor(steps: readonly ModelStep[]) {
    this.#steps = steps;
    this.head = toVersionTables(toVersionText(toVersion(steps)), steps.at(-1)?.tables ?? []);
    this.#known.set(this.head.version, this.head);
  }

  /** @param version undefined, or one that is not a version: the newest */
  at(version: string | undefined): VersionTables {
    if (version === undefined) return this.head;
    const known = this.#known.get(version);
    if (known !== undefined) return known;
    const parsed = parseVersion(version);
    const made = parsed === undefined ? this.head : toVersionTables(version, this.#derive(parsed));
    this.#known.set(version, made);
    return made;
  }

  /** Sets are numbered apart, so a container's migrations need not be the first ones of ours. */
  #derive(version: SchemaVersion): readonly TableModel[] {
    let models = toMap(this.#steps.at(-1)?.tables ?? []);
    for (const [index, step] of [...this.#steps.entries()].toReversed()) {
      if (step.number <= (version[step.set] ?? 0)) continue;
      models = undo(models, {
        before: toMap(this.#steps[index - 1]?.tables ?? []),
        after: toMap(step.tables),
      });
    }
    return [...models.values()];
  }
}

function toVersionTables(version: string, models: readonly TableModel[]): VersionTables {
  const tables = toTables(models);
  return Object.freeze({
    version,
    tables,
    byName: new Map(tables.map((table) => [table.name, toTableSql(table)])),
  });
}

function toMap(models: readonly TableModel[]): Models {
  return new Map(models.map((model) => [model.name, model]));
}

interface Change {
  readonly before: Models;
  readonly after: Models;
}

function undo(models: Models, { before, after }: Change): Models {
  const undone = new Map<string, TableModel>();
  for (const [name, model] of models) {
    const [was, became] = [before.get(name), after.get(name)];
    if (became === undefined) undone.set(name, model);
    else if (was !== undefined) undone.set(name, undoTable(model, was, became));
  }
  for (const [name, was] of before) if (!after.has(name)) undone.set(name, was);
  return undone;
}

/** Columns in the order of the version before; those that other sets have added come behind. */
function undoTable(model: TableModel, was: TableModel, became: TableModel): TableModel {
  if (was === became || JSON.stringify(was) === JSON.stringify(became)) return model;
  const hadBefore = new Set(was.columns.map(({ name }) => name));
  const hadAfter = new Set(became.columns.map(({ name }) => name));
  const others = model.columns.filter(({ name }) => !hadBefore.has(name) && !hadAfter.has(name));
  return { ...was, columns: [...was.columns, ...others] };
}
