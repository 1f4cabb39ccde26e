import type { Bulkhead } from '../bulkhead.ts';
import { createVerifier, type Verify } from '../create-verifier.ts';
import { isBulkheadError } from '../core/errors.ts';
import type { Actor } from '../core/scope.ts';
import type { VerificationRecord } from '../registry/verifications.ts';
import type { OpenFront } from '../verify/faults/fault.ts';
import type { VerifyOptions } from '../verify/run-verification.ts';

/** Verifications as jobs: begun, watched, and kept in the registry. */
export interface Verifications {
  readonly verify: Verify;
  /** @throws operation_in_progress while one runs */
  start(options: Omit<VerifyOptions, 'onProgress'>, actor: Actor): Promise<VerificationRecord>;
}

/** A mark of progress is written at most so often. */
const tellEveryMs = 500;

export function createVerifications(
  node: Bulkhead,
  parts: { readonly version: string; readonly openFront: OpenFront },
): Verifications {
  const { verifications } = node.registry;
  const verify = createVerifier(node, parts);

  const run = async (id: string, options: Omit<VerifyOptions, 'onProgress'>): Promise<void> => {
    let toldMs = Number.NEGATIVE_INFINITY;
    const sign = setInterval(() => void tell(), 20_000);
    let last: Parameters<NonNullable<VerifyOptions['onProgress']>>[0] = {
      done: 0,
      total: 1,
      label: 'beginning',
    };
    const tell = (): Promise<void> => verifications.progress(id, last).catch(() => undefined);
    try {
      const result = await verify({
        ...options,
        onProgress: (progress) => {
          last = progress;
          if (node.clock.monotonicMs() - toldMs < tellEveryMs) return;
          toldMs = node.clock.monotonicMs();
          void tell();
        },
      });
      await verifications.end(id, { result });
    } catch (cause) {
      // Words of an unforeseen error may hold anything; those of ours hold ids.
      const failure = isBulkheadError(cause)
        ? cause.message
        : 'it broke off for an unforeseen reason; the log has more';
      await verifications.end(id, { failure }).catch(() => undefined);
    } finally {
      clearInterval(sign);
    }
  };

  return {
    verify,
    async start(options, actor) {
      const { between, ...plain } = options;
      const record = await verifications.begin(
        { ...plain, between: between?.map(({ id }) => id) ?? null },
        actor,
      );
      void run(record.id, options);
      return record;
    },
  };
}
