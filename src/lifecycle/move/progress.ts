import { BulkheadError } from '../../core/errors.ts';
import type { CopyWatch } from '../../core/relocation.ts';
import type { MoveDeps } from './work.ts';

const everyMs = 500;

/** Tells the journal how far the copy is, twice a second at most, and hears there whether somebody wants it stopped. */
export class CopyProgress implements CopyWatch {
  readonly #deps: MoveDeps;
  readonly #operation: string;
  readonly #total: number;
  #done: number;
  #toldMs = 0;

  constructor(deps: MoveDeps, operation: string, counts: { readonly done: number; readonly total: number }) {
    this.#deps = deps;
    this.#operation = operation;
    this.#done = counts.done;
    this.#total = counts.total;
  }

  async copied(count: number): Promise<void> {
    this.#done += count;
    const now = this.#deps.clock.monotonicMs();
    if (now - this.#toldMs < everyMs) return;
    this.#toldMs = now;
    await this.tell();
  }

  /** @throws aborted where the operation was cancelled */
  async tell(): Promise<void> {
    // The tenant goes on writing: there may be more rows by now than were counted.
    const progress = { done: this.#done, total: Math.max(this.#total, this.#done) };
    const wish = await this.#deps.operations.recordProgress(this.#operation, progress);
    if (wish === 'cancel') throw new BulkheadError('aborted', { reason: 'the move was cancelled' });
  }
}
