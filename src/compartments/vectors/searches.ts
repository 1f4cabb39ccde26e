import { LRUCache } from 'lru-cache';
import type { Placement } from '../../core/placement.ts';

/** Below it an index search may find too little whatever the data; pgvector's own default is 40. */
export const leastEfSearch = 100;
const keptLatencies = 256;

interface Known {
  efSearch: number;
  readonly latencies: number[];
}

/** What a node remembers of each tenant's searches; it is lost with the node and made anew. */
export class Searches {
  readonly #known: LRUCache<string, Known>;
  readonly #touched = new Map<string, Placement>();

  constructor(maxTenants: number) {
    this.#known = new LRUCache({ max: maxTenants });
  }

  efSearch(placement: Placement): number {
    return this.#known.get(placement.container + placement.tenant)?.efSearch ?? leastEfSearch;
  }

  raise(placement: Placement, efSearch: number): void {
    this.#of(placement).efSearch = efSearch;
  }

  took(placement: Placement, ms: number): void {
    const { latencies } = this.#of(placement);
    latencies.push(ms);
    if (latencies.length > keptLatencies) latencies.shift();
  }

  /** Noted for whoever looks after the tenant's index. */
  wrote(placement: Placement): void {
    this.#touched.set(placement.tenant, placement);
  }

  touched(): readonly Placement[] {
    const touched = [...this.#touched.values()];
    this.#touched.clear();
    return touched;
  }

  latencies(placement: Placement): readonly number[] {
    return [...(this.#known.get(placement.container + placement.tenant)?.latencies ?? [])];
  }

  #of({ container, tenant }: Placement): Known {
    const key = container + tenant;
    const known = this.#known.get(key) ?? { efSearch: leastEfSearch, latencies: [] };
    this.#known.set(key, known);
    return known;
  }
}
