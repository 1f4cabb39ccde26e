import { hash } from 'node:crypto';
import type { EraseReceipt } from '../../core/compartment.ts';
import { BulkheadError } from '../../core/errors.ts';
import type { Placement } from '../../core/placement.ts';
import type { Relocation, Settlement } from '../../core/relocation.ts';
import type { Site } from './container.ts';
import type { CacheDeps } from './deps.ts';
import { toEnvelopeText } from './envelope.ts';
import { newGate, parseGate, toGateText, type Gate } from './gate.ts';
import { liveValues, removeAll } from './transfer.ts';

export interface RelocationParts {
  readonly deps: CacheDeps;
  readonly toSite: (placement: Placement) => Site;
  readonly erase: (placement: Placement) => Promise<EraseReceipt>;
}

/**
 * All of it in the pause: the source is read but not written meanwhile, and writers wait. Sessions come along, so that a
 * move logs nobody out.
 */
export function relocateCache(
  parts: RelocationParts,
  way: { readonly from: Placement; readonly to: Placement },
): Relocation {
  const { from, to } = way;
  const at = (placement: Placement): Site => parts.toSite(placement);
  const eraseWhole = async (placement: Placement): Promise<EraseReceipt> => {
    const receipt = await parts.erase(placement);
    if (receipt.left !== 0n)
      throw new BulkheadError('internal', {
        reason: 'the erasure left keys behind',
        tenant: placement.tenant,
      });
    return receipt;
  };
  return {
    from,
    to,
    parts: [],
    async survey() {
      const found = await summarise(at(from), parts.deps.clock.nowMs());
      return {
        parts: [{ part: 'cache', count: found.count, sizeBytes: found.sizeBytes }],
        estimatedMs: Number(found.count) / 10,
        risks: [],
        refusals: [],
      };
    },
    capture: async () => {},
    copy: () => Promise.reject(new BulkheadError('internal', { reason: 'there are no parts' })),
    catchUp: async () => 0,
    compare: async () => ({ counts: {} }),
    pause: () => setGate(at(from), 'paused'),
    resume: () => setGate(at(from), 'open'),
    settle: () => copySpace(parts.deps, { from: at(from), to: at(to) }),
    admit: (what) => setGate(at(to), what === 'reads' ? 'paused' : 'open'),
    retire: () => setGate(at(from), 'sealed'),
    abandon: () => setGate(at(from), 'open'),
    discard: async () => void (await eraseWhole(to)),
    confirm: () => eraseWhole(from),
  };
}

/** @param change the state, or the whole gate where it is to follow another */
export async function setGate(
  { store, space }: Site,
  state: Gate['state'],
  like?: Pick<Gate, 'generation' | 'sweep'>,
): Promise<void> {
  for (;;) {
    const { gate: from } = await store.look({ space, key: '-' });
    const to = toGateText({ ...(like ?? parseGate(from) ?? newGate(state)), state });
    if (from === to || (await store.swapGate(space, { from, to })) === to) return;
  }
}

/** The target takes over the generation that the values are of. */
async function copySpace(
  { clock }: CacheDeps,
  way: { readonly from: Site; readonly to: Site },
): Promise<Settlement> {
  const { from, to } = way;
  const gate = parseGate((await from.store.look({ space: from.space, key: '-' })).gate);
  if (gate === undefined)
    throw new BulkheadError('internal', { reason: 'the source has no gate', tenant: from.placement.tenant });
  await removeAll(to);
  await setGate(to, 'sealed', gate);
  const sealed = toGateText({ ...gate, state: 'sealed' });
  const atMs = clock.nowMs();
  for await (const values of liveValues(from, atMs))
    for (const { key, envelope, stored } of values) {
      const room = envelope.kind === 'session' ? ({ room: 'kept' } as const) : {};
      const value = toEnvelopeText({ ...envelope, tenant: to.placement.tenant });
      await to.store.put({ space: to.space, key, gate: sealed, value, ttlMs: stored.ttlMs, ...room });
    }
  const source = await summarise(from, atMs);
  const copy = await summarise(to, atMs);
  if (source.hash !== copy.hash)
    throw new BulkheadError('internal', {
      reason: 'the copy differs from its source',
      tenant: from.placement.tenant,
    });
  return { counts: { cache: copy.count } };
}

async function summarise(
  site: Site,
  atMs: number,
): Promise<{ readonly count: bigint; readonly sizeBytes: bigint; readonly hash: string }> {
  const digests: string[] = [];
  let sizeBytes = 0n;
  for await (const values of liveValues(site, atMs))
    for (const { key, envelope, stored } of values) {
      sizeBytes += BigInt(key.length + stored.value.length);
      const { kind, epoch, expiresAtMs, text } = envelope;
      digests.push(hash('sha256', JSON.stringify([key, kind, epoch, expiresAtMs, text])));
    }
  // A scan may name a key twice.
  const unique = [...new Set(digests)].toSorted();
  return { count: BigInt(unique.length), sizeBytes, hash: hash('sha256', unique.join()) };
}
