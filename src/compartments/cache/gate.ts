import { randomBytes } from 'node:crypto';

/**
 * What stands at the entrance of a tenant's space in the store itself. `paused`: read, but not written, because the space
 * is being copied. Entries of another generation count as absent. `sweep` changes with every invalidation by pattern, so
 * that what was being loaded meanwhile is not stored.
 */
export interface Gate {
  readonly state: 'open' | 'paused' | 'sealed';
  readonly generation: string;
  readonly sweep: string;
}

const GATE = /^(open|paused|sealed) ([0-9a-f]{16}) ([0-9a-f]{8})$/;

export function parseGate(text: string | undefined): Gate | undefined {
  const [, state, generation, sweep] = GATE.exec(text ?? '') ?? [];
  if (generation === undefined || sweep === undefined) return undefined;
  return { state: state as Gate['state'], generation, sweep };
}

export function toGateText({ state, generation, sweep }: Gate): string {
  return `${state} ${generation} ${sweep}`;
}

/** Of a generation that no entry has. */
export function newGate(state: Gate['state']): Gate {
  return { state, generation: randomBytes(8).toString('hex'), sweep: newSweep() };
}

export function newSweep(): string {
  return randomBytes(4).toString('hex');
}
