import { BulkheadError } from '../core/errors.ts';
import { BulkheadError } from '../core/errors.ts';
import type { AdminDatabase, AdminTransaction } from '../drivers/sql.ts';
import { answerOf } from './answer.ts';
import { digestOf, newOperatorToken } from './key-format.ts';
import type { OperatorTokens } from './registry.ts';

/** Operators may bring a token of their own form. */
const MIN_LENGTH = 32;
const MAX_LENGTH = 512;

export class SqlOperatorTokens implements OperatorTokens {
  readonly #admin: AdminDatabase;
  readonly #answerTimeoutMs: number;

  constructor(admin: AdminDatabase, answerTimeoutMs: number) {
    this.#admin = admin;
    this.#answerTimeoutMs = answerTimeoutMs;
  }

  ensure(given?: string): Promise<string | undefined> {
    return this.#admin.transaction(async (tx) => {
      // Of several nodes that start for the first time together, one makes the token.
      await tx.query('lock table bulkhead.operator_token in exclusive mode');
      if (given !== undefined) await replaceTokens(tx, given);
      const token = newOperatorToken();
      const { rows } = await tx.query(
        `insert into bulkhead.operator_token (digest)
         select $1::bytea where not exists (select from bulkhead.operator_token) returning 1 as made`,
        [digestOf(token)],
      );
      return rows.length === 0 ? undefined : token;
    });
  }

  /** Always asks the database: operators are few. Looking a digest up tells nothing about how near a guess came. */
  async verify(token: string): Promise<boolean> {
    if (token.length < MIN_LENGTH || token.length > MAX_LENGTH) return false;
    const found = this.#admin.query(
      'select 1 as found from bulkhead.operator_token where digest = $1::bytea',
      [digestOf(token)],
    );
    return (await answerOf(found, this.#answerTimeoutMs)).rows.length === 1;
  }
}

/** A token that was replaced is not accepted any more: it was perhaps replaced because it had leaked. */
async function replaceTokens(tx: AdminTransaction, given: string): Promise<void> {
  if (given.length < MIN_LENGTH || given.length > MAX_LENGTH)
    throw new BulkheadError('config_invalid', {
      reason: `an operator token has ${MIN_LENGTH} to ${MAX_LENGTH} characters`,
    });
  const digest = digestOf(given);
  await tx.query('delete from bulkhead.operator_token where digest <> $1::bytea', [digest]);
  await tx.query(
    'insert into bulkhead.operator_token (digest) values ($1::bytea) on conflict (digest) do nothing',
    [digest],
  );
}
