/**
 * The small interface over Redis and process memory. Nothing above drivers/ knows which one it has.
 *
 * Keys stand in spaces; a space is the key prefix of one tenant, ends with `:`, and has a gate: a short text that every
 * write must know. Gate and value are looked at, and written, in one step, so whoever changes the gate has the last word.
 */
export interface KeyValueStore {
  /** Bytes one space may take before its own oldest entries go; undefined = the store does not say. */
  readonly spaceBytes: number | undefined;
  /** @throws compartment_unreachable · aborted */
  look(at: KeyInSpace, signal?: AbortSignal): Promise<Look>;
  /** Writes while the gate is as the writer knows it. @throws compartment_unreachable · aborted */
  put(write: KeyWrite, signal?: AbortSignal): Promise<PutOutcome>;
  /** Sets the gate where it is still `from`; undefined = none. @returns the gate afterwards */
  swapGate(
    space: string,
    change: { readonly from: string | undefined; readonly to: string | undefined },
  ): Promise<string | undefined>;
  /** Names of the keys of a space, without the gate, in batches. `pattern`: `*` stands for any characters, the rest for itself. */
  keys(space: string, pattern?: string): AsyncIterable<readonly string[]>;
  /** Full names of everything in the store, whoever's, in batches. Costs as much as there is. */
  everything(): AsyncIterable<readonly { readonly name: string; readonly isGate: boolean }[]>;
  read(space: string, keys: readonly string[]): Promise<readonly (StoredValue | undefined)[]>;
  /** @returns how many were there */
  remove(space: string, keys: readonly string[]): Promise<number>;
  /** Takes a store for one tenant alone. @returns whose it is afterwards */
  claim(owner: string, mode: 'take' | 'ask'): Promise<string | undefined>;
  /** Gives back what `claim` took; another owner's claim stays. */
  release(owner: string): Promise<void>;
  state(): StoreState;
  close(): Promise<void>;
}

export interface KeyInSpace {
  readonly space: string;
  readonly key: string;
}

export interface Look {
  readonly gate: string | undefined;
  readonly value: string | undefined;
}

export interface KeyWrite extends KeyInSpace {
  readonly gate: string;
  readonly value: string;
  readonly ttlMs: number;
  /** Write only where this is still what stands there; null = nothing. Absent = whatever stands there. */
  readonly seen?: string | null;
  /** `kept`: not given up for other entries of its space. */
  readonly room?: 'kept';
}

/** `changed`: another value stands there. `gate`: the gate is another one, and this is it. */
export type PutOutcome =
  | { readonly kind: 'stored' }
  | { readonly kind: 'changed' }
  | { readonly kind: 'gate'; readonly gate: string | undefined };

export interface StoredValue {
  readonly value: string;
  readonly ttlMs: number;
}

export type StoreState = 'up' | 'down';

/** Told of each loss and return of a store, once. */
export type OnStoreState = (change: { readonly store: string; readonly state: StoreState }) => void;
