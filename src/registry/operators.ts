import type { AdminDatabase } from '../drivers/sql.ts';
import { answerOf } from './answer.ts';
import { digestOf, isOperatorToken, newOperatorToken } from './key-format.ts';
import type { OperatorTokens } from './registry.ts';

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
      await tx.query('lock table bulkhead.operator_token in exclusive mode');
      const token = newOperatorToken();
      const { rowCount } = await tx.query(
        `insert into bulkhead.operator_token (digest)
         select $1::bytea where not exists (select from bulkhead.operator_token) returning digest`,
        [digestOf(token)],
      );
      return rowCount === 0 ? undefined : token;
    });
  }

  /** Always asks the database: operators are few. Looking a digest up tells nothing about how near a guess came. */
  async verify(token: string): Promise<boolean> {
    if (!isOperatorToken(token)) return false;
    const found = this.#admin.query(
      'select 1 as found from bulkhead.operator_token where digest = $1::bytea',
      [digestOf(token)],
    );
    return (await answerOf(found, this.#answerTimeoutMs)).rows.length === 1;
  }
}
