import { BulkheadError } from '../core/errors.ts';
import type { Plan } from '../core/plan.ts';
import type { Actor } from '../core/scope.ts';
import type { AdminDatabase } from '../drivers/sql.ts';
import type { CatalogCache } from './catalog.ts';
import { planShape, planValues, writePlanText } from './plan-row.ts';
import type { PlanStore } from './registry.ts';

// Names are spread over rows and arrays, where no unique constraint reaches: writers take turns instead.
const lockText = 'lock table bulkhead.plan in share row exclusive mode';
const clashText = `select id from bulkhead.plan where id <> $1 and (id = any ($2::text[]) or aliases && $2::text[])`;
const noteText = `insert into bulkhead.audit_event (actor_kind, actor_id, action, detail)
  values ($1, $2, 'plan.put', jsonb_build_object('plan', $3::text))`;

export class SqlPlanStore implements PlanStore {
  readonly #admin: AdminDatabase;
  readonly #catalog: CatalogCache;

  constructor(admin: AdminDatabase, catalog: CatalogCache) {
    this.#admin = admin;
    this.#catalog = catalog;
  }

  async list(): Promise<readonly Plan[]> {
    return (await this.#catalog.get()).plans;
  }

  async read(idOrAlias: string): Promise<Plan | undefined> {
    return (await this.#catalog.get()).planByName.get(idOrAlias.toLowerCase());
  }

  async put(plan: Plan, actor: Actor): Promise<void> {
    const checked = planShape.safeParse(plan);
    if (!checked.success)
      throw new BulkheadError('value_invalid', {
        field: checked.error.issues[0]?.path.join('.') ?? '',
        reason: 'not a plan that could be stored',
      });
    try {
      await this.#admin.transaction(async (tx) => {
        await tx.query(lockText);
        const { rows } = await tx.query(clashText, [plan.id, [plan.id, ...plan.aliases]]);
        if (rows[0] !== undefined)
          throw new BulkheadError('conflict', { field: 'aliases', plan: String(rows[0]['id']) });
        await tx.query(writePlanText, planValues(plan));
        await tx.query(noteText, [actor.kind, actor.id, plan.id]);
      });
    } finally {
      this.#catalog.forget();
    }
  }
}
