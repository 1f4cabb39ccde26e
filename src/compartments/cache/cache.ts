import type { Compartment } from '../../core/compartment.ts';
import type { Scope } from '../../core/scope.ts';
import type { StoreState } from '../../drivers/key-value.ts';
import type { AnswerCache, AnswerCacheOptions } from './answers.ts';
import type { CacheKey } from './key.ts';
import type { SessionHandle } from './sessions.ts';

export type { CacheKey } from './key.ts';
export type { IssuedSession, Session, SessionHandle } from './sessions.ts';

export interface SetOptions {
  /** Until the value is forgotten; default 3,600,000, for keys that begin with `doc` or `docs` 300,000; at most a week. */
  readonly ttlMs?: number;
}

/** What a scope can do with its tenant's cache. Values are JSON; a hit is always a copy. */
export interface CacheHandle extends AsyncDisposable {
  /**
   * @returns undefined where nothing is kept, or the store does not answer
   * @throws foreign_row where the store held a value that is not this tenant's: it is removed, and this is an incident
   */
  get<T = unknown>(key: CacheKey): Promise<T | undefined>;
  /**
   * Keeps the value. A store that does not answer keeps nothing, and what it kept before is not served when it is back.
   * @throws value_invalid for what JSON cannot say, or is larger than a mebibyte
   */
  set(key: CacheKey, value: unknown, options?: SetOptions): Promise<void>;
  /**
   * The kept value, else what `load` returns, which is then kept. On one node one call loads a key at a time and the
   * others wait for it. What was invalidated while it was being loaded is returned and not kept. `undefined` is not kept.
   */
  getOrSet<T>(key: CacheKey, load: () => Promise<T>, options?: SetOptions): Promise<T>;
  /** @throws compartment_unreachable where the store does not answer; it then forgets the whole tenant when it is back */
  invalidate(key: CacheKey): Promise<void>;
  /** `docs:*` and the like. @returns how many keys were removed. @throws as `invalidate` */
  invalidateMatching(pattern: string): Promise<number>;
  /** All of this tenant and of nobody else; its sessions stay. @throws as `invalidate` */
  invalidateAll(): Promise<void>;
}

export interface CacheStats {
  readonly hits: number;
  readonly misses: number;
  /** Calls that went past the cache because its store did not answer. */
  readonly bypassed: number;
  /** Values of somebody else that were found, removed and not served. */
  readonly foreign: number;
  /** By name; a tenant's own store among them. */
  readonly stores: Readonly<Record<string, StoreState>>;
}

export interface CacheCompartment extends Compartment<CacheHandle> {
  readonly kind: 'cache';
  /** The handle of the ambient scope. @throws scope_missing */
  current(): CacheHandle;
  /** As `open`, without a promise. */
  openNow(scope: Scope): CacheHandle;
  /** Sessions of the tenant's users. */
  sessions(scope: Scope): SessionHandle;
  /** Answers to similar questions, kept apart by tenant and audience. */
  answers(options: AnswerCacheOptions): AnswerCache;
  stats(): CacheStats;
  /** A store that was away answers again: what it missed is put right before anybody asks. */
  storeIsBack(): Promise<void>;
}
