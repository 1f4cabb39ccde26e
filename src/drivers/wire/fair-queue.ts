/**
 * Waiting work, taken out one tenant at a time in turn: a tenant with a thousand requests waiting delays another
 * tenant's first one by one request, not by a thousand.
 */
export class FairQueue<Item extends { readonly tenantId: string }> {
  readonly #limit: number;
  readonly #limitPerTenant: number;
  /** In the order in which tenants have their turn. */
  readonly #tenants = new Map<string, Item[]>();
  #size = 0;

  constructor(limits: { readonly total: number; readonly perTenant: number }) {
    this.#limit = limits.total;
    this.#limitPerTenant = limits.perTenant;
  }

  get size(): number {
    return this.#size;
  }

  /** @returns false where the queue, or the tenant's part of it, is full. */
  push(item: Item): boolean {
    const items = this.#tenants.get(item.tenantId);
    if (this.#size >= this.#limit || (items?.length ?? 0) >= this.#limitPerTenant) return false;
    if (items === undefined) this.#tenants.set(item.tenantId, [item]);
    else items.push(item);
    this.#size += 1;
    return true;
  }

  /** How many could start, where each tenant has room for so many. */
  countWithin(roomOf: (tenantId: string) => number): number {
    let count = 0;
    for (const [tenantId, items] of this.#tenants) count += Math.min(items.length, roomOf(tenantId));
    return count;
  }

  /** The next in turn of those tenants that may start. */
  shift(mayStart: (tenantId: string) => boolean = () => true): Item | undefined {
    for (const [tenantId, items] of this.#tenants) {
      if (!mayStart(tenantId)) continue;
      const item = items.shift();
      this.#tenants.delete(tenantId);
      if (items.length > 0) this.#tenants.set(tenantId, items);
      if (item === undefined) continue;
      this.#size -= 1;
      return item;
    }
    return undefined;
  }

  remove(item: Item): boolean {
    const items = this.#tenants.get(item.tenantId);
    const index = items?.indexOf(item) ?? -1;
    if (items === undefined || index < 0) return false;
    items.splice(index, 1);
    if (items.length === 0) this.#tenants.delete(item.tenantId);
    this.#size -= 1;
    return true;
  }
}
