import { z } from 'zod';
import { BulkheadError } from '../../core/errors.ts';
import type { NanoUsd } from '../../core/money.ts';
import type { Actor } from '../../core/scope.ts';
import type { AdminDatabase } from '../../drivers/sql.ts';
import { nullable, parseRow } from '../../registry/row-parts.ts';
import { refusing, writeAudited } from '../../registry/write.ts';
import { toFirstDay, type Month } from '../month.ts';
import { wide } from '../usage-reads.ts';

/** What is paid every month, whoever uses it. */
export interface FixedCost {
  readonly name: string;
  readonly firstMonth: Month;
  /** undefined = goes on. */
  readonly lastMonth: Month | undefined;
  readonly monthNanoUsd: NanoUsd;
}

const shape = z.object({
  name: z.string(),
  firstMonth: z.string().transform((text) => text as Month),
  lastMonth: nullable(z.string().transform((text) => text as Month)),
  monthNanoUsd: wide,
});
const columns = `name, to_char(first_month, 'YYYY-MM') as "firstMonth", to_char(last_month, 'YYYY-MM') as "lastMonth",
  month_nano_usd::text as "monthNanoUsd"`;
const listText = `select ${columns} from bulkhead.fixed_cost
  where $1::date is null or (first_month <= $1 and (last_month is null or last_month >= $1)) order by name, first_month`;
const putText = `insert into bulkhead.fixed_cost (name, first_month, last_month, month_nano_usd)
  values ($6, $7::date, $8::date, $9::bigint)
  on conflict (name, first_month) do update set last_month = excluded.last_month, month_nano_usd = excluded.month_nano_usd
  returning ${columns}`;

/** All, or those of one month. */
export async function readFixedCosts(admin: AdminDatabase, month?: Month): Promise<readonly FixedCost[]> {
  const { rows } = await admin.query(listText, [month === undefined ? null : toFirstDay(month)]);
  return rows.map((row) => parseRow('fixed_cost', shape, row));
}

/** One that begins in the same month under the same name is replaced. @throws value_invalid */
export async function putFixedCost(admin: AdminDatabase, cost: FixedCost, actor: Actor): Promise<FixedCost> {
  const { name, firstMonth, lastMonth, monthNanoUsd } = cost;
  const invalid = (field: string) => (): BulkheadError => new BulkheadError('value_invalid', { field });
  const rows = await refusing(
    writeAudited(
      admin,
      { actor, action: 'fixed_cost.put', tenant: undefined, detail: { name } },
      {
        write: putText,
        values: [
          name,
          toFirstDay(firstMonth),
          lastMonth === undefined ? null : toFirstDay(lastMonth),
          `${monthNanoUsd}`,
        ],
      },
    ),
    {
      fixed_cost_name_check: invalid('name'),
      fixed_cost_month_check: invalid('monthUsd'),
      fixed_cost_last_check: invalid('lastMonth'),
    },
  );
  return parseRow('fixed_cost', shape, rows[0]);
}
