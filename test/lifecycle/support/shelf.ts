import type { Census, Compartment, ExportRecord, Resident, Usage } from '../../../src/core/compartment.ts';
import { relocateByCopy } from '../../../src/core/compartment-move.ts';
import { BulkheadError } from '../../../src/core/errors.ts';
import { parseTenantId, type TenantId } from '../../../src/core/ids.ts';
import type { CompartmentKind, Placement } from '../../../src/core/placement.ts';
import type { Plan } from '../../../src/core/plan.ts';
import { RecordHashes } from '../../../src/core/record-hash.ts';
import { assertScope, placementIn } from '../../../src/core/scope.ts';

/** What a scope can do with a shelf. */
export interface ShelfHandle extends AsyncDisposable {
  put(name: string, text: string): void;
  list(): readonly string[];
}

interface Shelf {
  readonly things: Map<string, string>;
  sealed: boolean;
}

/** A store of its own, small and in memory, that a test can make refuse. It stands for a compartment added later. */
export class ShelfCompartment implements Compartment<ShelfHandle> {
  readonly kind: CompartmentKind;
  /** By container and tenant. */
  readonly shelves = new Map<string, Shelf>();
  /** Asked before every verb that changes something; throws what the store would. */
  fault: (verb: 'place' | 'provision' | 'erase' | 'import', tenant: TenantId) => void = () => {};
  readonly #plan: Plan;

  constructor(kind: CompartmentKind, plan: Plan) {
    this.kind = kind;
    this.#plan = plan;
  }

  async place({ tenant, isolation }: Parameters<Compartment['place']>[0]): Promise<Placement> {
    this.fault('place', tenant);
    const container = isolation === 'shared' ? 'shelf:shared' : `shelf:${isolation}/${tenant}`;
    return { tenant, compartment: this.kind, isolation, container };
  }

  async provision(placement: Placement): Promise<void> {
    this.fault('provision', placement.tenant);
    const key = keyOf(placement);
    if (!this.shelves.has(key)) this.shelves.set(key, { things: new Map(), sealed: false });
  }

  async open(scope: Parameters<Compartment['open']>[0]): Promise<ShelfHandle> {
    assertScope(scope);
    const placement = placementIn(scope, this.kind);
    const shelf = (): Shelf => {
      const found = this.#at(placement);
      if (found.sealed) throw new BulkheadError('tenant_inactive', { reason: 'sealed' });
      return found;
    };
    shelf();
    return {
      put: (name, text) => void shelf().things.set(name, text),
      list: () => [...shelf().things.keys()],
      [Symbol.asyncDispose]: async () => {},
    };
  }

  async seal(placement: Placement, state: 'sealed' | 'open'): Promise<void> {
    this.#at(placement).sealed = state === 'sealed';
  }

  async usage(placement: Placement): Promise<readonly Usage[]> {
    const amount = BigInt(this.#at(placement).things.size);
    return [{ resource: 'things', unit: 'count', amount, limit: undefined }];
  }

  async *export(placement: Placement): AsyncIterable<ExportRecord> {
    for (const [name, text] of this.#at(placement).things) yield { set: 'thing', value: { name, text } };
  }

  async import(placement: Placement, records: AsyncIterable<ExportRecord>) {
    this.fault('import', placement.tenant);
    const hashes = new RecordHashes();
    for await (const record of records) {
      this.#at(placement).things.set(String(record.value['name']), String(record.value['text']));
      hashes.add(record);
    }
    return { imported: hashes.count, hashes: hashes.result() };
  }

  move(from: Placement, to: Placement) {
    return relocateByCopy(this, { from, to, plan: this.#plan });
  }

  async erase(placement: Placement) {
    this.fault('erase', placement.tenant);
    const removed = BigInt(this.shelves.get(keyOf(placement))?.things.size ?? 0);
    this.shelves.delete(keyOf(placement));
    return { removed, left: 0n, notCovered: [] };
  }

  async census(of: readonly TenantId[] | 'everyone'): Promise<Census> {
    const residents = [...this.shelves].flatMap(([key, { things }]): Resident[] => {
      const [container = '', id] = key.split(' ');
      const tenant = parseTenantId(id);
      if (tenant === undefined || (of !== 'everyone' && !of.includes(tenant))) return [];
      const isolation = container === 'shelf:shared' ? 'shared' : 'schema';
      const placement = { tenant, compartment: this.kind, isolation, container } as const;
      return [{ placement, records: BigInt(things.size), holds: ['shelf'] }];
    });
    return { residents, notSeen: [] };
  }

  probe(): Promise<never> {
    return Promise.reject(new BulkheadError('internal', { reason: 'nobody probes a shelf' }));
  }

  async close(): Promise<void> {}

  #at(placement: Placement): Shelf {
    const shelf = this.shelves.get(keyOf(placement));
    if (shelf === undefined)
      throw new BulkheadError('compartment_unreachable', { kind: this.kind, tenant: placement.tenant });
    return shelf;
  }
}

function keyOf({ container, tenant }: Placement): string {
  return `${container} ${tenant}`;
}
