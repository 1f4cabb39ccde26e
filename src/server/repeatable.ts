import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Operation } from '../client/operation.ts';
import { BulkheadError } from '../core/errors.ts';
import type { IdempotencyStore, Reservation, Turn } from '../registry/idempotency.ts';
import type { RawInput } from './route.ts';
import { invalidInput } from './validate.ts';

const header = 'idempotency-key';
/** A string of RFC 8941, as the draft has it; the same without quotes is taken too. */
const QUOTED = /^"((?:[ !#-[\]-~]|\\["\\]){1,255})"$/;
const BARE = /^[A-Za-z0-9_.:~+/=-]{1,255}$/;

/** What is known of a request beforehand, for a handler that makes something. */
export interface Reserved {
  /** Id for what is made. */
  readonly id: string;
  /** `maybe_there`: an earlier attempt was cut off, before or after it had its effect. */
  readonly state: 'new' | 'maybe_there' | 'there';
}

export interface Repeatable {
  readonly principal: string;
  readonly name: string;
  readonly operation: Operation;
  readonly input: RawInput;
}

/** Carries out a request: `reserved` is undefined where the caller sent no key. */
export type Work = (reserved: Reserved | undefined) => Promise<unknown>;

/**
 * Carries out a request that may come again once, and answers its repetitions as the first: see
 * draft-ietf-httpapi-idempotency-key-header-07. Without a key, or for an operation that takes none, it is just done.
 * @throws idempotency_key_reused · request_in_progress while the first has not ended · request_invalid
 */
export async function onceOnly(
  { store, request, reply }: { store: IdempotencyStore; request: FastifyRequest; reply: FastifyReply },
  { principal, name, operation, input }: Repeatable,
  work: Work,
): Promise<unknown> {
  const sent = operation.repeats === undefined ? undefined : request.headers[header];
  if (sent === undefined) return await work(undefined);
  const key = parseKey(sent);
  const reservation = await store.reserve({ principal, key, request: toCanonical([name, input]) });
  switch (reservation.kind) {
    case 'first':
    case 'again':
      return await carryOut(store, reservation, { operation, work });
    case 'done':
      void reply.header('idempotency-replayed', 'true');
      if (operation.repeats === 'by_id') return await work({ id: reservation.resource, state: 'there' });
      if (reservation.answer === undefined)
        throw new BulkheadError('internal', { reason: 'the answer to a repeated request is not there' });
      return JSON.parse(reservation.answer) as unknown;
    case 'running':
      throw new BulkheadError('request_in_progress');
    case 'different':
      throw new BulkheadError('idempotency_key_reused', { field: header });
  }
}

async function carryOut(
  store: IdempotencyStore,
  { kind, turn }: Extract<Reservation, { readonly turn: Turn }>,
  { operation, work }: { readonly operation: Operation; readonly work: Work },
): Promise<unknown> {
  let result: unknown;
  try {
    result = await work({ id: turn.resource, state: kind === 'first' ? 'new' : 'maybe_there' });
  } catch (cause) {
    // Should this fail too, the lease ends the turn.
    await store.giveUp(turn, effectOf(operation, cause)).catch(() => undefined);
    throw cause;
  }
  try {
    await store.complete(turn, operation.repeats === 'by_answer' ? JSON.stringify(result) : undefined);
  } catch (cause) {
    await store.giveUp(turn, 'unknown').catch(() => undefined);
    throw cause;
  }
  return result;
}

/** Operations of the control plane undo what they could not finish; of a row nobody may know, and it is looked for. */
function effectOf({ repeats }: Operation, cause: unknown): 'none' | 'unknown' {
  const isRefusal = cause instanceof BulkheadError && cause.status < 499;
  return repeats === 'by_answer' || isRefusal ? 'none' : 'unknown';
}

/** @throws request_invalid */
function parseKey(sent: string | readonly string[]): string {
  const text = typeof sent === 'string' ? sent : '';
  const quoted = QUOTED.exec(text)?.[1];
  const key = quoted ?? BARE.exec(text)?.[0];
  if (key === undefined)
    throw invalidInput([{ field: header, reason: 'up to 255 printable characters, in double quotes' }]);
  return key;
}

/** The same for the same request, in whatever order its fields were sent. */
function toCanonical(value: unknown): string {
  return JSON.stringify(value, (_name, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
