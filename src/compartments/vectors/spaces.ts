import { LRUCache } from 'lru-cache';
import { BulkheadError } from '../../core/errors.ts';
import type { ScopedAccess } from '../rows/handle.ts';
import { assertShape, invalid } from './values.ts';
import { metrics, type Space, type SpaceShape } from './vectors.ts';

interface SpaceRow extends Record<string, unknown> {
  readonly tenant_id: string;
  readonly id: string;
  readonly model: string;
  readonly dimension: number;
  readonly metric: string;
  readonly state: string;
}

/** The space that was given the service last serves; so changing over is one update of one row. */
const columns = `tenant_id, id, model, dimension, metric,
  case when served_at is null then 'building'
    when served_at = max(served_at) over (partition by tenant_id) then 'serving' else 'retired' end as state`;
const selectAll = `select ${columns} from space where tenant_id = $1`;
/** How long another node may go on with a space whose place was taken: it is kept, retired, for much longer. */
const believedMs = 5_000;

/** Which space serves each tenant, remembered for a moment, so that a search asks the database once. */
export class Spaces {
  readonly #serving: LRUCache<string, Space>;

  constructor(maxTenants: number) {
    this.#serving = new LRUCache({ max: maxTenants, ttl: believedMs });
  }

  async serving(access: ScopedAccess): Promise<Space | undefined> {
    const key = keyOf(access);
    const known = this.#serving.get(key);
    if (known !== undefined) return known;
    const found = (await this.#all(access)).find(({ state }) => state === 'serving');
    if (found !== undefined) this.#serving.set(key, found);
    return found;
  }

  async ensure(access: ScopedAccess, shape: SpaceShape): Promise<Space> {
    assertShape(shape);
    let serving = await this.serving(access);
    if (serving === undefined) {
      await this.#insert(access, shape, 'serving');
      serving = await this.serving(access);
    }
    if (serving !== undefined && isSame(serving, shape)) return serving;
    throw new BulkheadError('conflict', {
      field: 'model',
      reason: `the tenant is served by ${serving?.model} with ${serving?.dimension} dimensions (${serving?.metric})`,
      hint: 'change the embedding by a re-index',
    });
  }

  async build(access: ScopedAccess, shape: SpaceShape): Promise<Space> {
    assertShape(shape);
    const before = await this.#all(access);
    const other = before.find((space) => space.state === 'building' && !isSame(space, shape));
    if (other !== undefined)
      throw new BulkheadError('conflict', {
        reason: `a space for ${other.model} is being built already; drop it first`,
      });
    await this.#insert(access, shape, 'building');
    const space = (await this.#all(access)).find((each) => isSame(each, shape));
    if (space === undefined) throw new BulkheadError('internal', { reason: 'an insert left no row' });
    return space;
  }

  async serve(access: ScopedAccess, id: string): Promise<Space> {
    await access.run(
      {
        text: `update space set served_at = clock_timestamp() where tenant_id = $1 and id = $2`,
        values: [access.scope.tenantId, id],
      },
      {},
    );
    this.forget(access);
    const space = (await this.#all(access)).find((each) => each.id === id);
    if (space === undefined) throw new BulkheadError('not_found', { field: 'space' });
    return space;
  }

  async drop(access: ScopedAccess, id: string): Promise<void> {
    const serving = await this.serving(access);
    if (serving?.id === id) throw new BulkheadError('conflict', { reason: 'this space serves the tenant' });
    await access.run(
      {
        text: `delete from space where tenant_id = $1 and id = $2
          and (served_at is null or served_at < (select max(served_at) from space where tenant_id = $1))`,
        values: [access.scope.tenantId, id],
      },
      {},
    );
  }

  forget(access: ScopedAccess): void {
    this.#serving.delete(keyOf(access));
  }

  async #all(access: ScopedAccess): Promise<readonly Space[]> {
    const { rows } = await access.run<SpaceRow>({ text: selectAll, values: [access.scope.tenantId] }, {});
    return rows.map(toSpace);
  }

  /** Does nothing where there is one of this shape: two callers may be the first at once. */
  async #insert(access: ScopedAccess, shape: SpaceShape, state: 'serving' | 'building'): Promise<void> {
    await access.run(
      {
        text: `insert into space (tenant_id, model, dimension, metric, served_at)
            values ($1, $2, $3, $4, case when $5 = 'serving' then clock_timestamp() end)
          on conflict (tenant_id, model, dimension, metric) do nothing`,
        values: [access.scope.tenantId, shape.model, shape.dimension, shape.metric, state],
      },
      {},
    );
  }
}

function keyOf(access: ScopedAccess): string {
  return `${access.scope.tenantId} ${access.route.target.placement.container}`;
}

function isSame(a: SpaceShape, b: SpaceShape): boolean {
  return a.model === b.model && a.dimension === b.dimension && a.metric === b.metric;
}

function toSpace(row: SpaceRow): Space {
  const metric = metrics.find((each) => each === row.metric);
  const state = (['building', 'serving', 'retired'] as const).find((each) => each === row.state);
  if (metric === undefined || state === undefined)
    throw invalid('space', 'is stored in a form we do not know');
  return { id: row.id, model: row.model, dimension: row.dimension, metric, state };
}
