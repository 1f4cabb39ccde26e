import { isBulkheadError } from '../../core/errors.ts';
import type { TenantId } from '../../core/ids.ts';
import type { Actor } from '../../core/scope.ts';
import { toErasureText } from '../../registry/erasure.ts';
import type { Erasure } from '../../registry/registry.ts';
import type { Replay } from '../leaving.ts';
import { takeCensus } from './hunt.ts';
import type { LeaveDeps } from './work.ts';

const keeper: Actor = { kind: 'system', id: 'ledger' };
const pageSize = 500;

/** Erases again one that came back. @throws operation_in_progress where somebody is at it */
export type EraseAgain = (erasure: Erasure, actor: Actor) => Promise<void>;

/**
 * Keeps erased what was erased. Restoring the registry makes tenants live again or forgets that they ever were; restoring
 * a container brings their data back. The copy of the ledger brings the registry up to date, the ledger everything else.
 */
export async function replay(
  deps: LeaveDeps,
  depth: 'registry' | 'everywhere',
  eraseAgain: EraseAgain,
): Promise<Replay> {
  const adopted = await bringTogether(deps);
  const again = new Map<TenantId, Erasure>();
  for (const erasure of await deps.registry.erasures.resurrected(pageSize))
    again.set(erasure.tenant, erasure);
  if (depth === 'everywhere')
    for (const erasure of await findInStores(deps)) again.set(erasure.tenant, erasure);
  if (depth === 'everywhere') await deps.registry.erasures.sweep('everyone');
  const erasedAgain: TenantId[] = [];
  const stillThere: TenantId[] = [];
  // Children that came back with their parent stand in its way: so those that failed are tried once more.
  for (const erasure of await tryAll(deps, [...again.values()], { eraseAgain, erasedAgain }))
    stillThere.push(erasure.tenant);
  return { adopted, erasedAgain, stillThere };
}

async function tryAll(
  deps: LeaveDeps,
  all: readonly Erasure[],
  to: { readonly eraseAgain: EraseAgain; readonly erasedAgain: TenantId[] },
): Promise<readonly Erasure[]> {
  let waiting = all;
  for (let progress = true; progress && waiting.length > 0;) {
    const failed: Erasure[] = [];
    for (const erasure of waiting) {
      if (await tryOne(deps, erasure, to.eraseAgain)) to.erasedAgain.push(erasure.tenant);
      else failed.push(erasure);
    }
    progress = failed.length < waiting.length;
    waiting = failed;
  }
  return waiting;
}

async function tryOne(deps: LeaveDeps, erasure: Erasure, eraseAgain: EraseAgain): Promise<boolean> {
  const { registry, log } = deps;
  const { tenant } = erasure;
  try {
    if ((await registry.tenants.read(tenant)) === undefined) await registry.erasures.entomb(erasure, keeper);
    registry.audit.record({
      tenant,
      actor: keeper,
      action: 'erasure.replayed',
      severity: 'high',
      requestId: undefined,
      detail: { first: erasure.operation },
    });
    await eraseAgain(erasure, keeper);
    log({ event: 'erasure.replayed', tenant });
    return true;
  } catch (cause) {
    const code = isBulkheadError(cause) ? cause.code : 'internal';
    log({ event: 'erasure.replay_failed', tenant, code });
    return false;
  }
}

/** Copy and registry each get what only the other has. @returns how many entries the registry lacked */
export async function bringTogether(deps: LeaveDeps): Promise<number> {
  const { registry, ledgerCopy, log } = deps;
  const copied = new Map((await ledgerCopy.read()).map((entry) => [entry.tenant, entry]));
  const stored = new Map<TenantId, Erasure>();
  for await (const entry of ledgerEntries(deps)) stored.set(entry.tenant, entry);
  const isOurs = (entry: Erasure): boolean => {
    const genuine = registry.signer.verify(toErasureText(entry), entry.signature);
    if (!genuine) log({ event: 'ledger.copy_forged', tenant: entry.tenant });
    return genuine;
  };
  const unknown = [...copied.values()].filter(({ tenant }) => !stored.has(tenant)).filter(isOurs);
  const missing = [...stored.values()].filter(({ tenant }) => !copied.has(tenant));
  if (missing.length > 0)
    await ledgerCopy
      .append(missing)
      .catch(() => log({ event: 'ledger.copy_failed', entries: missing.length }));
  return unknown.length === 0 ? 0 : (await registry.erasures.adopt(unknown)).length;
}

async function* ledgerEntries({ registry }: Pick<LeaveDeps, 'registry'>): AsyncGenerator<Erasure> {
  for (let after: Erasure | undefined; ;) {
    const page = await registry.erasures.list({ after, limit: pageSize });
    yield* page;
    after = page.at(-1);
    if (page.length < pageSize) return;
  }
}

/** Erased tenants that a store holds something of, and that nobody is erasing now. */
async function findInStores(deps: LeaveDeps): Promise<readonly Erasure[]> {
  const found: Erasure[] = [];
  let page: Erasure[] = [];
  const look = async (): Promise<void> => {
    const { residents } = await takeCensus(
      deps,
      page.map(({ tenant }) => tenant),
    );
    const there = new Set(residents.map(({ placement }) => placement.tenant));
    found.push(...page.filter(({ tenant }) => there.has(tenant)));
    page = [];
  };
  for await (const entry of ledgerEntries(deps)) {
    page.push(entry);
    if (page.length === pageSize) await look();
  }
  await look();
  return found;
}
