/** Where a tenant's vectors are searched: all of them, by an index of its own in a shared container, or in its own container. */
export type Rung = 'exact' | 'index' | 'own';

export interface Standing {
  readonly rung: Rung;
  readonly isIndexed: boolean;
  readonly vectors: number;
  /** All tenants' in its container, about. */
  readonly containerVectors: number;
  /** How long searches that look at everything have been slow; 0 = they are not. */
  readonly slowForMs: number;
  /** How long it has been small enough for the rung below; 0 = it is not. */
  readonly smallForMs: number;
  /** Its plan lets it have a container of its own. */
  readonly mayOwn: boolean;
}

export type Advice =
  | { readonly step: 'stay' }
  | {
      readonly step: 'build_index' | 'drop_index' | 'own_container' | 'share_container';
      readonly because: string;
    };

const dayMs = 86_400_000;

/**
 * Measured on 2 cores with 384 dimensions: looking at 5,000 vectors takes about 10 ms, an index less than 1; above 50,000
 * the vectors of one tenant are better kept apart from those of the others.
 */
export const ladder = Object.freeze({
  indexFrom: 5_000,
  indexFromWhenSlow: 2_000,
  slowMs: 8,
  slowForMs: 3_600_000,
  indexBelow: 2_500,
  ownFrom: 50_000,
  ownFromShare: 0.2,
  /** A share of a container that holds little says nothing. */
  ownShareFrom: 20_000,
  ownBelow: 25_000,
  smallForMs: 7 * dayMs,
});

export function assess(standing: Standing): Advice {
  const { rung, isIndexed, vectors } = standing;
  if (rung === 'own') {
    if (!isIndexed && vectors >= ladder.indexFrom) return advise('build_index', `it has ${vectors} vectors`);
    if (isSmall(standing))
      return advise('share_container', `it has had fewer than ${ladder.ownBelow} for a week`);
    return { step: 'stay' };
  }
  if (standing.mayOwn) {
    if (vectors >= ladder.ownFrom) return advise('own_container', `it has ${vectors} vectors`);
    if (vectors >= ladder.ownShareFrom && vectors > standing.containerVectors * ladder.ownFromShare)
      return advise('own_container', 'it is more than a fifth of its container');
  }
  if (isIndexed)
    return isSmall(standing)
      ? advise('drop_index', `it has had fewer than ${ladder.indexBelow} vectors for a week`)
      : { step: 'stay' };
  if (vectors >= ladder.indexFrom) return advise('build_index', `it has ${vectors} vectors`);
  if (vectors >= ladder.indexFromWhenSlow && standing.slowForMs >= ladder.slowForMs)
    return advise('build_index', `its searches have taken more than ${ladder.slowMs} ms for an hour`);
  return { step: 'stay' };
}

/** Few enough for the rung below, as of now. */
export function isFew({
  rung,
  isIndexed,
  vectors,
}: Pick<Standing, 'rung' | 'isIndexed' | 'vectors'>): boolean {
  if (rung === 'own') return vectors < ladder.ownBelow;
  return isIndexed && vectors < ladder.indexBelow;
}

function isSmall(standing: Standing): boolean {
  return isFew(standing) && standing.smallForMs >= ladder.smallForMs;
}

function advise(step: Exclude<Advice['step'], 'stay'>, because: string): Advice {
  return { step, because };
}
