import { createHash } from 'node:crypto';
import { z } from 'zod';
import { newUuid7 } from '../core/ids.ts';
import type { AdminDatabase } from '../drivers/sql.ts';
import type { Vault } from './registry.ts';
import { bytes, parseRow } from './row-parts.ts';

/** One request that may come again. */
export interface RepeatableRequest {
  /** Whose key it is: the same key of another caller is another key. */
  readonly principal: string;
  readonly key: string;
  /** What is asked, in one form: operation, parameters and body. */
  readonly request: string;
}

/** The right to carry out a request, which nobody else has meanwhile. */
export interface Turn {
  readonly digest: Buffer;
  readonly attempt: string;
  /** Id for what the request makes: the same for every attempt. */
  readonly resource: string;
}

/**
 * What is to be done with a request.
 * `first`: carry it out. `again`: an attempt was cut off; what it was to make may be there. `done`: answer as before.
 * `running`: another attempt has not ended. `different`: the key was used for another request.
 */
export type Reservation =
  | { readonly kind: 'first' | 'again'; readonly turn: Turn }
  | { readonly kind: 'done'; readonly resource: string; readonly answer: string | undefined }
  | { readonly kind: 'running' }
  | { readonly kind: 'different' };

/** Requests by idempotency key, as in draft-ietf-httpapi-idempotency-key-header-07; forgotten after a day. */
export interface IdempotencyStore {
  reserve(request: RepeatableRequest): Promise<Reservation>;
  /** @param answer kept sealed, for `done`; undefined where what was made can be read again by its id */
  complete(turn: Turn, answer: string | undefined): Promise<void>;
  /** Ends a turn in which the request failed. Where it had no effect the key is free again, for whatever body. */
  giveUp(turn: Turn, effect: 'none' | 'unknown'): Promise<void>;
}

/** Longer than the server lets a request take. */
const leaseS = 120;
const keptS = 24 * 3_600;
const sweptAtOnce = 100;

// One row a key. What is taken over: a row that has expired, and one whose attempt was cut off, if it is the same request.
const reserveText = `with swept as (
    delete from bulkhead.idempotency where digest in (
      select digest from bulkhead.idempotency where expires_at < statement_timestamp() and digest <> $1::bytea
      order by expires_at limit ${sweptAtOnce} for update skip locked) returning digest),
  unsealed as (
    delete from bulkhead.credential where owner in (select 'idempotency:' || encode(digest, 'hex') from swept))
  insert into bulkhead.idempotency as r (digest, fingerprint, resource_id, attempt, lease_until, expires_at)
  values ($1::bytea, $2::bytea, $3::uuid, $3::uuid, statement_timestamp() + make_interval(secs => ${leaseS}),
    statement_timestamp() + make_interval(secs => ${keptS}))
  on conflict (digest) do update set fingerprint = excluded.fingerprint, attempt = excluded.attempt, done_at = null,
    resource_id = case when r.expires_at < statement_timestamp() then excluded.resource_id else r.resource_id end,
    lease_until = excluded.lease_until, expires_at = excluded.expires_at
  where r.expires_at < statement_timestamp()
    or (r.done_at is null and r.lease_until < statement_timestamp() and r.fingerprint = excluded.fingerprint)
  returning resource_id::text as resource`;

const readText = `select fingerprint, resource_id::text as resource, done_at is not null as done
  from bulkhead.idempotency where digest = $1::bytea`;

const completeText = `update bulkhead.idempotency set done_at = statement_timestamp()
  where digest = $1::bytea and attempt = $2::uuid and done_at is null`;

const forgetText = `delete from bulkhead.idempotency
  where digest = $1::bytea and attempt = $2::uuid and done_at is null`;

const cutOffText = `update bulkhead.idempotency set lease_until = statement_timestamp()
  where digest = $1::bytea and attempt = $2::uuid and done_at is null`;

const reservedShape = z.object({ resource: z.uuid() });
const knownShape = z.object({ fingerprint: bytes, resource: z.uuid(), done: z.boolean() });

export class SqlIdempotencyStore implements IdempotencyStore {
  readonly #admin: AdminDatabase;
  readonly #vault: Pick<Vault, 'put' | 'get'>;

  constructor(admin: AdminDatabase, vault: Pick<Vault, 'put' | 'get'>) {
    this.#admin = admin;
    this.#vault = vault;
  }

  async reserve({ principal, key, request }: RepeatableRequest): Promise<Reservation> {
    const digest = digestOf(principal, key);
    const fingerprint = digestOf(key, request);
    const attempt = newUuid7();
    const { rows } = await this.#admin.query(reserveText, [digest, fingerprint, attempt]);
    if (rows[0] !== undefined) {
      const { resource } = parseRow('idempotency', reservedShape, rows[0]);
      return { kind: resource === attempt ? 'first' : 'again', turn: { digest, attempt, resource } };
    }
    const { rows: found } = await this.#admin.query(readText, [digest]);
    // Given back between the two statements: whoever asks again gets its turn.
    if (found[0] === undefined) return { kind: 'running' };
    const known = parseRow('idempotency', knownShape, found[0]);
    if (!fingerprint.equals(known.fingerprint)) return { kind: 'different' };
    if (!known.done) return { kind: 'running' };
    return {
      kind: 'done',
      resource: known.resource,
      answer: await this.#vault.get(ownerOf(digest), 'answer'),
    };
  }

  async complete({ digest, attempt }: Turn, answer: string | undefined): Promise<void> {
    // The answer first: a row that is done without it would have nothing to repeat.
    if (answer !== undefined) await this.#vault.put(ownerOf(digest), 'answer', answer);
    await this.#admin.query(completeText, [digest, attempt]);
  }

  async giveUp({ digest, attempt }: Turn, effect: 'none' | 'unknown'): Promise<void> {
    await this.#admin.query(effect === 'none' ? forgetText : cutOffText, [digest, attempt]);
  }
}

/** Of two parts, the first with its length before it: ('ab', 'c') must not read like ('a', 'bc'). */
function digestOf(first: string, second: string): Buffer {
  return createHash('sha256')
    .update(`${Buffer.byteLength(first)}:${first}${second}`)
    .digest();
}

function ownerOf(digest: Buffer): string {
  return `idempotency:${digest.toString('hex')}`;
}
