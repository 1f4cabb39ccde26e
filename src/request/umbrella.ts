import type { Clock } from '../core/clock.ts';
import type { TenantId } from '../core/ids.ts';
import type { UmbrellaGrant } from '../core/tenant.ts';
import { allowed, refused } from '../core/verdict.ts';
import type { Verdict } from '../core/verdict.ts';
import type { ResolvedTenant, TenantDirectory } from '../registry/registry.ts';
import { admitByState, isActive } from './admit.ts';
import { chain } from './maybe.ts';
import type { Maybe } from './maybe.ts';
import { readParents } from './parents.ts';

export interface UmbrellaParts {
  readonly directory: Pick<TenantDirectory, 'peek' | 'byId'>;
  readonly clock: Pick<Clock, 'nowMs'>;
}

/** Who would read whom. */
export interface UmbrellaWish {
  readonly reader: TenantId;
  readonly child: TenantId;
}

export interface UmbrellaView {
  readonly child: ResolvedTenant;
  readonly grant: UmbrellaGrant;
}

/** The same for one that is not there, stands beside or above, or is not granted: who may not look learns nothing. */
const nothingThere: Verdict<never> = Object.freeze(refused('tenant_not_found'));

/**
 * Whether one tenant may read another now: it is active, it has a grant that has not expired, it stands above, and all
 * from the top down to the other are active. Asked when an umbrella scope is opened and again before each statement in it.
 * @returns refused: tenant_not_found, tenant_inactive · @throws registry_stale (rejects)
 */
export function checkUmbrella(parts: UmbrellaParts, wish: UmbrellaWish): Maybe<Verdict<UmbrellaView>> {
  const { directory } = parts;
  return chain(directory.peek(wish.reader) ?? directory.byId(wish.reader), (reader) => {
    if (reader === undefined) return nothingThere;
    const awake = isActive(reader);
    if (awake.kind === 'refused') return awake;
    const grant = findGrant(reader, wish.child, parts.clock.nowMs());
    // Before anything is looked up: a name that is not granted costs the same whether it is anybody's.
    if (grant === undefined) return nothingThere;
    return chain(directory.peek(wish.child) ?? directory.byId(wish.child), (child) =>
      child === undefined ? nothingThere : checkChild(parts, wish, { child, grant }),
    );
  });
}

function checkChild(
  { directory }: UmbrellaParts,
  { reader }: UmbrellaWish,
  view: UmbrellaView,
): Maybe<Verdict<UmbrellaView>> {
  return chain(readParents(view.child, directory), (parents): Maybe<Verdict<UmbrellaView>> => {
    if (parents.kind === 'refused') return parents;
    if (!parents.value.some(({ id }) => id === reader)) return nothingThere;
    return chain(admitByState(view.child, directory), (admitted) =>
      admitted.kind === 'refused' ? admitted : allowed(view),
    );
  });
}

function findGrant({ umbrella }: ResolvedTenant, child: TenantId, nowMs: number): UmbrellaGrant | undefined {
  return umbrella.find(
    (grant) => (grant.child === undefined || grant.child === child) && grant.expiresAt.getTime() > nowMs,
  );
}
