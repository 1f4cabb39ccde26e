import { setTimeout } from 'node:timers/promises';
import type { LRUCache } from 'lru-cache';
import { BulkheadError, isBulkheadError } from '../../core/errors.ts';
import type { Scope } from '../../core/scope.ts';
import type { KeyWrite } from '../../drivers/key-value.ts';
import { toSite, type Site } from './container.ts';
import type { CacheDeps, CacheResidence } from './deps.ts';
import { newGate, newSweep, parseGate, toGateText, type Gate } from './gate.ts';

/** What the node shares between all ways. */
export interface WayParts {
  readonly deps: CacheDeps;
  /** The gate of each space as it was last seen. Never believed for a read; a write that guesses wrong is told. */
  readonly gates: LRUCache<string, string>;
  /** Spaces in which a write was lost, so that what stands there may be outdated: they get a new generation first. */
  readonly outdated: Map<string, Site>;
}

export interface Seen {
  readonly gate: Gate;
  readonly gateText: string;
  readonly value: string | undefined;
}

/** What is written; the gate says which generation is the current one. */
export type ToWrite = (gate: Gate) => Pick<KeyWrite, 'value' | 'ttlMs' | 'room'>;

const patienceMs = 5_000;
const maxTurns = 12;

/** The way of one scope to its tenant's keys; follows the tenant when it is moved under an open handle. */
export class CacheWay {
  readonly scope: Scope;
  readonly #parts: WayParts;
  #residence: CacheResidence;
  #site: Site;
  /** The last gate that was read: the next is mostly the same text. */
  #last: { readonly gateText: string; readonly gate: Gate } | undefined;

  constructor(parts: WayParts, scope: Scope, start: CacheResidence) {
    this.#parts = parts;
    this.scope = scope;
    this.#residence = start;
    this.#site = toSite(start.placement, parts.deps.stores);
  }

  get site(): Site {
    const known = this.#parts.deps.residences.peek(this.scope.tenantId);
    if (known !== undefined) this.#follow(known);
    return this.#site;
  }

  /**
   * Gate and value, looked at in one step.
   * @throws tenant_inactive where the space is sealed or is none · compartment_unreachable · aborted
   */
  async look(key: string): Promise<Seen> {
    for (let turn = 0; turn < maxTurns; turn += 1) {
      const live = this.#parts.deps.assertLive(this.scope);
      if (live !== undefined) await live;
      if (this.scope.signal.aborted) throw new BulkheadError('aborted');
      const { site } = this;
      if (this.#parts.outdated.has(site.space)) await renewGeneration(this.#parts, site);
      const found = await site.store.look({ space: site.space, key }, this.scope.signal);
      const last = this.#last;
      if (last !== undefined && last.gateText === found.gate) return { ...last, value: found.value };
      const gate = parseGate(found.gate);
      if (gate === undefined || found.gate === undefined) await this.#heal(site);
      else if (gate.state !== 'sealed') {
        this.#parts.gates.set(site.space, found.gate);
        this.#last = { gateText: found.gate, gate };
        return { ...this.#last, value: found.value };
      } else if (!(await this.#hasMoved(site))) throw sealed(this.scope);
    }
    throw this.#restless();
  }

  /**
   * Writes where the gate is open; one that meets the pause of a move waits for its end. With `lease`, only while gate
   * and value are what was seen then.
   * @returns `superseded` where the lease no longer holds
   * @throws tenant_inactive · operation_in_progress · compartment_unreachable, after which the space counts as outdated
   */
  async write(key: string, toWrite: ToWrite, lease?: Seen): Promise<'stored' | 'superseded'> {
    const patience = { waitedMs: 0 };
    for (let turn = 0; turn < maxTurns; turn += 1) {
      const live = this.#parts.deps.assertLive(this.scope);
      if (live !== undefined) await live;
      const { site } = this;
      const gateText =
        lease?.gateText ?? this.#parts.gates.get(site.space) ?? (await this.look(key)).gateText;
      const gate = parseGate(gateText);
      if (gate?.state !== 'open') {
        if (lease !== undefined) return 'superseded';
        this.#parts.gates.delete(site.space);
        if (!(await this.#hasMoved(site))) await this.#wait(patience);
        continue;
      }
      const outcome = await this.#putIn(site, {
        key,
        gate: gateText,
        ...toWrite(gate),
        ...(lease === undefined ? {} : { seen: lease.value ?? null }),
      });
      if (outcome.kind === 'stored') return 'stored';
      if (lease !== undefined || outcome.kind === 'changed') return 'superseded';
      if (outcome.gate === undefined) await this.#heal(site);
      else if (parseGate(outcome.gate)?.state === 'sealed' && !(await this.#hasMoved(site)))
        throw sealed(this.scope);
      else this.#parts.gates.set(site.space, outcome.gate);
    }
    throw this.#restless();
  }

  /** Nothing that is being loaded now is stored. @returns the gate as it is then, open */
  async sweep(change: { readonly generation: 'kept' | 'new' }): Promise<Gate> {
    const patience = { waitedMs: 0 };
    for (let turn = 0; turn < maxTurns; turn += 1) {
      const seen = await this.look('-');
      const { site } = this;
      if (seen.gate.state === 'paused') {
        await this.#wait(patience);
        continue;
      }
      const generation = change.generation === 'new' ? newGate('open').generation : seen.gate.generation;
      const next: Gate = { state: 'open', generation, sweep: newSweep() };
      const to = toGateText(next);
      const after = await this.keeping(site, () =>
        site.store.swapGate(site.space, { from: seen.gateText, to }),
      );
      if (after === to) return next;
    }
    throw this.#restless();
  }

  /** @throws tenant_inactive · operation_in_progress · compartment_unreachable */
  async listKeys(pattern: string): Promise<readonly (readonly string[])[]> {
    await this.look('-');
    const { store, space } = this.site;
    const found: (readonly string[])[] = [];
    for await (const keys of store.keys(space, pattern)) found.push(keys);
    return found;
  }

  /** Waits for the end of a move, so that what is removed does not live on in a copy. @returns how many were there */
  async removeKeys(keys: readonly string[]): Promise<number> {
    const patience = { waitedMs: 0 };
    while ((await this.look('-')).gate.state !== 'open') await this.#wait(patience);
    const { site } = this;
    return await this.keeping(site, () => site.store.remove(site.space, keys));
  }

  /** Work that changes the store; where the store does not answer, what it has counts as outdated from now on. */
  async keeping<T>(site: Site, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      if (isBulkheadError(cause, 'compartment_unreachable')) this.#parts.outdated.set(site.space, site);
      throw cause;
    }
  }

  #putIn(site: Site, write: Omit<KeyWrite, 'space'>): ReturnType<Site['store']['put']> {
    // Without the scope's signal: a write that was given up half way would leave what it was to replace.
    return this.keeping(site, () => site.store.put({ space: site.space, ...write }));
  }

  /** A store may lose what it held, its gates too. Whoever is active in the registry, and placed there, starts afresh. */
  async #heal(site: Site): Promise<void> {
    if (!(await this.#parts.deps.livesAt(site.placement))) {
      if (await this.#hasMoved(site)) return;
      throw new BulkheadError('tenant_inactive', {
        tenant: this.scope.tenantId,
        reason: 'it has no cache there',
      });
    }
    await site.store.swapGate(site.space, { from: undefined, to: toGateText(newGate('open')) });
  }

  async #hasMoved(from: Site): Promise<boolean> {
    const known = await this.#parts.deps.residences.fresh(this.scope.tenantId);
    if (known !== undefined) this.#follow(known);
    return this.#site.placement.container !== from.placement.container;
  }

  #follow(known: CacheResidence): void {
    if (known.epoch <= this.#residence.epoch) return;
    const isElsewhere = known.placement.container !== this.#residence.placement.container;
    this.#residence = known;
    if (isElsewhere) this.#site = toSite(known.placement, this.#parts.deps.stores);
  }

  async #wait(patience: { waitedMs: number }): Promise<void> {
    if (patience.waitedMs >= patienceMs) throw this.#restless();
    const delayMs = Math.min(1_000, 10 + patience.waitedMs);
    patience.waitedMs += delayMs;
    try {
      await setTimeout(delayMs, undefined, { signal: this.scope.signal });
    } catch (cause) {
      throw new BulkheadError('aborted', {}, { cause });
    }
  }

  #restless(): BulkheadError {
    return new BulkheadError('operation_in_progress', {
      tenant: this.scope.tenantId,
      reason: 'its cache is being moved',
    });
  }
}

/** After lost writes: what stands in the space counts as absent from now on, for every node. */
export async function renewGeneration(parts: WayParts, site: Site): Promise<void> {
  const { store, space } = site;
  for (;;) {
    const { gate: text } = await store.look({ space, key: '-' });
    const gate = parseGate(text);
    if (gate === undefined) break;
    const to = toGateText({ ...newGate(gate.state) });
    if ((await store.swapGate(space, { from: text, to })) === to) break;
  }
  parts.outdated.delete(space);
}

function sealed(scope: Scope): BulkheadError {
  return new BulkheadError('tenant_inactive', { tenant: scope.tenantId, reason: 'sealed' });
}
