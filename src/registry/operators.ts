import { BulkheadError } from '../core/errors.ts';
import type { AdminDatabase } from '../drivers/sql.ts';
import { answerOf } from './answer.ts';
import { digestOf, newOperatorToken } from './key-format.ts';
import type { OperatorTokens } from './registry.ts';

/** Operators may bring a token of their own form. */
const MIN_LENGTH = 32;
const MAX_LENGTH = 512;

const lockText = 'lock table bulkhead.operator_token in exclusive mode';

export class SqlOperatorTokens implements OperatorTokens {
  readonly #admin: AdminDatabase;
  readonly #answerTimeoutMs: number;

  constructor(admin: AdminDatabase, answerTimeoutMs: number) {
    this.#admin = admin;
    this.#answerTimeoutMs = answerTimeoutMs;
  }

  ensure(): Promise<string | undefined> {
    return this.#admin.transaction(async (tx) => {
      // Of several nodes that start for the first time together, one makes the token.
      await tx.query(lockText);
      const token = newOperatorToken();
      const { rows } = await tx.query(
        `insert into bulkhead.operator_token (digest)
         select $1::bytea where not exists (select from bulkhead.operator_token) returning 1 as made`,
        [digestOf(token)],
      );
      return rows.length === 0 ? undefined : token;
    });
  }

  async accept(token: string): Promise<void> {
    if (!hasLength(token))
      throw new BulkheadError('config_invalid', {
        reason: `an operator token has ${MIN_LENGTH} to ${MAX_LENGTH} characters`,
      });
    const digest = digestOf(token);
    await this.#admin.transaction(async (tx) => {
      await tx.query(lockText);
      await tx.query('delete from bulkhead.operator_token where digest <> $1::bytea', [digest]);
      await tx.query(
        'insert into bulkhead.operator_token (digest) values ($1::bytea) on conflict (digest) do nothing',
        [digest],
      );
    });
  }

  /** Always asks the database: operators are few. Looking a digest up tells nothing about how near a guess came. */
  async verify(token: string): Promise<boolean> {
    if (!hasLength(token)) return false;
    const found = this.#admin.query(
      'select 1 as found from bulkhead.operator_token where digest = $1::bytea',
      [digestOf(token)],
    );
    return (await answerOf(found, this.#answerTimeoutMs)).rows.length === 1;
  }
}

function hasLength(token: string): boolean {
  return token.length >= MIN_LENGTH && token.length <= MAX_LENGTH;
}
