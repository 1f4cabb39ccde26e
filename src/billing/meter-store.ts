import { z } from 'zod';
import { BulkheadError } from '../core/errors.ts';
import type { AdminDatabase } from '../drivers/sql.ts';
import { parseRow } from '../registry/row-parts.ts';
import { builtInMeters, type Meter } from './meters.ts';

const refreshMs = 5_000;
export const METER_NAME = /^[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)*$/;

const shape: z.ZodType<Meter> = z.strictObject({
  meter: z.string().max(64).regex(METER_NAME),
  unit: z.string().regex(/^[a-z][a-z0-9_]{0,31}$/),
  kind: z.enum(['priced', 'counted']),
  reporter: z.enum(['node', 'operator', 'tenant']),
  description: z.string().max(500),
});

const columns = 'meter, unit, kind, reporter, description';
// The unit of a meter that has been used is part of what its events mean.
const putText = `insert into bulkhead.meter as m (${columns}) values ($1, $2, $3, $4, $5)
  on conflict (meter) do update set kind = excluded.kind, reporter = excluded.reporter,
    description = excluded.description, unit = excluded.unit
  where m.unit = excluded.unit returning ${columns}`;

/** Meters that may be reported: those that come with the program and the user's own. */
export class MeterStore {
  readonly #admin: AdminDatabase;
  #known: ReadonlyMap<string, Meter> | undefined;
  #readMs = 0;
  #reading: Promise<ReadonlyMap<string, Meter>> | undefined;

  constructor(admin: AdminDatabase) {
    this.#admin = admin;
  }

  /** As of at most five seconds ago. */
  async all(): Promise<ReadonlyMap<string, Meter>> {
    if (this.#known !== undefined && performance.now() - this.#readMs < refreshMs) return this.#known;
    // Whoever comes while it is read waits for the same answer.
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    return await this.#reading;
  }

  async #read(): Promise<ReadonlyMap<string, Meter>> {
    const { rows } = await this.#admin.query(`select ${columns} from bulkhead.meter`);
    const stored = rows.map((row) => parseRow('meter', shape, row));
    const known = new Map([...builtInMeters, ...stored].map((meter) => [meter.meter, meter]));
    this.#known = known;
    this.#readMs = performance.now();
    return known;
  }

  /** @throws value_invalid; conflict where the meter has another unit */
  async put(meter: Meter): Promise<Meter> {
    const parsed = shape.safeParse(meter);
    if (!parsed.success)
      throw new BulkheadError('value_invalid', {
        field: parsed.error.issues[0]?.path.join('.') ?? '',
        reason: 'not a meter that could be stored',
      });
    const builtIn = builtInMeters.find((known) => known.meter === meter.meter);
    const values = [meter.meter, meter.unit, meter.kind, meter.reporter, meter.description];
    const { rows } =
      builtIn !== undefined && builtIn.unit !== meter.unit
        ? { rows: [] }
        : await this.#admin.query(putText, values);
    this.#known = undefined;
    if (rows[0] === undefined)
      throw new BulkheadError('conflict', { field: 'unit', reason: 'the meter has another unit already' });
    return parseRow('meter', shape, rows[0]);
  }
}
