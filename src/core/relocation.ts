import type { EraseReceipt } from './compartment.ts';
import type { Placement } from './placement.ts';

/** Something that a move copies in one go: a table, an index, a bucket. */
export interface CopiedPart {
  readonly part: string;
  readonly count: bigint;
  /** Order-free, over every record of the part; equal at source and target, or `copy` has thrown. */
  readonly hash: string;
}

/** How a copy tells how far it is, and is told to stop. */
export interface CopyWatch {
  /** Records written since the last call. @throws whatever shall end the copy */
  copied(count: number): Promise<void>;
}

/** What a move would be, without having changed anything. */
export interface MoveSurvey {
  readonly parts: readonly { readonly part: string; readonly count: bigint; readonly sizeBytes: bigint }[];
  readonly estimatedMs: number;
  /** In words, for the person who decides. */
  readonly risks: readonly string[];
  /** Why it would be refused; empty = it can be done. */
  readonly refusals: readonly string[];
}

/** Records at the two ends, compared. */
export interface Settlement {
  readonly counts: Readonly<Record<string, bigint>>;
}

/**
 * One tenant's way from one placement to another in one compartment, in verbs that the lifecycle calls in this order:
 *
 *     capture · copy (each part) · catchUp … · compare · catchUp … · pause · settle · admit reads · [the registry switches] · retire · admit writes
 *
 * Every verb is idempotent. Until the registry switches, `abandon` and `discard` make all of it undone. Afterwards the source stays as
 * it was, sealed, and what is written to the target is noted: the relocation the other way round, without `copy`, is the
 * way back. `confirm` ends that.
 */
export interface Relocation {
  readonly from: Placement;
  readonly to: Placement;
  /** What `copy` is called with, in order. */
  readonly parts: readonly string[];
  survey(): Promise<MoveSurvey>;
  /** From here on each write to the source is noted. Writers are not held up for it. */
  capture(): Promise<void>;
  /** Makes the part of the target equal to the source as it is read now. Begins anew where it was broken off. */
  copy(part: string, watch: CopyWatch): Promise<CopiedPart>;
  /** Brings what was noted to the target. @returns how much that was */
  catchUp(): Promise<number>;
  /** Compares the two ends as far as that goes while the tenant writes. @throws internal where they differ */
  compare(): Promise<Settlement>;
  /** The source refuses writes and goes on with reads. What it accepted before is noted. @throws operation_in_progress */
  pause(): Promise<void>;
  /** Takes the pause back. */
  resume(): Promise<void>;
  /** In the pause: catches up to the end and compares what `compare` has not. @throws internal where the two differ */
  settle(): Promise<Settlement>;
  /** `reads`: the target serves reads and notes writes from now on, but refuses them. `writes`: it takes them too. */
  admit(what: 'reads' | 'writes'): Promise<void>;
  /** The source serves nobody any more. Its data stays. */
  retire(): Promise<void>;
  /** The source is served as if nothing had been. Only before `retire`. */
  abandon(): Promise<void>;
  /** Erases the target of a relocation that was abandoned. */
  discard(): Promise<void>;
  /** Ends the noting at the target and erases the source. */
  confirm(): Promise<EraseReceipt>;
}

/** A relocation from start to end with nobody working meanwhile, source erased: for restores, rehearsals and tests. */
export async function relocateAtOnce(
  relocation: Relocation,
): Promise<Settlement & { readonly copied: readonly CopiedPart[] }> {
  await relocation.capture();
  const copied: CopiedPart[] = [];
  for (const part of relocation.parts) copied.push(await relocation.copy(part, { copied: async () => {} }));
  const compared = await relocation.compare();
  await relocation.pause();
  const settled = await relocation.settle();
  await relocation.admit('reads');
  await relocation.retire();
  await relocation.admit('writes');
  await relocation.confirm();
  return { copied, counts: { ...compared.counts, ...settled.counts } };
}
