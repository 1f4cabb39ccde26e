import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { Clock } from '../../core/clock.ts';
import { BulkheadError } from '../../core/errors.ts';
import type { Actor } from '../../core/scope.ts';
import type { AdminDatabase, AdminTransaction } from '../../drivers/sql.ts';
import { instant, integer, nullable, parseRow } from '../../registry/row-parts.ts';
import { refusing } from '../../registry/write.ts';
import { readLitellmPrices } from './litellm.ts';
import {
  PriceTable,
  standardRate,
  type Price,
  type PriceListName,
  type PriceVersion,
} from './price-table.ts';
import { parseUnitPrice, toUnitUsd } from './unit-price.ts';

/** How long a version that another node has imported may go unnoticed. Events say under which version they were rated. */
const refreshMs = 5_000;
const starterFile = fileURLToPath(new URL('../../../data/model-prices.json', import.meta.url));

const versionColumns = `version, list, name, source, valid_from as "validFrom", valid_until as "validUntil"`;
const versionShape = z
  .object({
    version: integer,
    list: z.enum(['cost', 'sale']),
    name: z.string(),
    source: z.string(),
    validFrom: instant,
    validUntil: nullable(instant),
  })
  .transform(({ validFrom, validUntil, ...rest }): PriceVersion => ({
    ...rest,
    validFromMs: validFrom.getTime(),
    validUntilMs: validUntil?.getTime(),
  }));

const priceShape = z.object({
  meter: z.string(),
  model: z.string(),
  rate: z.string(),
  usd: z.string().transform((text) => parseUnitPrice(text) ?? 0n),
});

// Numbers without gaps, one importer after another: a node that has seen the newest has seen them all.
const lockText = 'lock table bulkhead.price_version in share row exclusive mode';
const insertVersionText = `insert into bulkhead.price_version (version, list, name, source, valid_from, valid_until)
  overriding system value
  select coalesce(max(version), 0) + 1, $1, $2, $3, $4::timestamptz, $5::timestamptz from bulkhead.price_version
  returning ${versionColumns}`;
const insertPricesText = `insert into bulkhead.price (version, meter, model, rate, usd_per_unit)
  select $1::int, * from unnest($2::text[], $3::text[], $4::text[], $5::numeric[])`;
const noteText = `insert into bulkhead.audit_event (actor_kind, actor_id, action, detail)
  values ($1, $2, 'price.imported', jsonb_build_object('version', $3::int, 'prices', $4::int))`;

export interface NewPriceVersion {
  readonly list: PriceListName;
  readonly name: string;
  readonly source: string;
  readonly validFrom: Date;
  readonly validUntil: Date | undefined;
  readonly prices: readonly Price[];
}

/** All versions as one node knows them, to look up without I/O. */
export class PriceBook {
  readonly #tables: readonly PriceTable[];

  constructor(tables: readonly PriceTable[]) {
    this.#tables = tables.toSorted((a, b) => b.version.validFromMs - a.version.validFromMs);
  }

  /** The version that held at an instant; undefined in a gap. */
  at(list: PriceListName, atMs: number): PriceTable | undefined {
    const begun = this.#tables.find(({ version }) => version.list === list && version.validFromMs <= atMs);
    const untilMs = begun?.version.validUntilMs ?? Number.POSITIVE_INFINITY;
    return atMs < untilMs ? begun : undefined;
  }

  /** @throws not_found */
  version(number: number): PriceTable {
    const found = this.#tables.find(({ version }) => version.version === number);
    if (found === undefined) throw new BulkheadError('not_found', { version: number });
    return found;
  }

  get versions(): readonly PriceVersion[] {
    return this.#tables.map(({ version }) => version);
  }
}

export class PriceStore {
  readonly #admin: AdminDatabase;
  readonly #clock: Clock;
  #book: PriceBook | undefined;
  #newest = 0;
  #readMs = Number.NEGATIVE_INFINITY;
  #reading: Promise<PriceBook> | undefined;

  constructor(admin: AdminDatabase, clock: Clock) {
    this.#admin = admin;
    this.#clock = clock;
  }

  /** Prices as of at most five seconds ago. The first call of a new installation stores the starting table. */
  async book(): Promise<PriceBook> {
    if (this.#book !== undefined && this.#clock.monotonicMs() - this.#readMs < refreshMs) return this.#book;
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    return await this.#reading;
  }

  async prices(version: number): Promise<readonly Price[]> {
    return readPrices(this.#admin, version);
  }

  /** @throws conflict where a version of the list begins at the same instant; value_invalid */
  async add(input: NewPriceVersion, actor: Actor): Promise<PriceVersion> {
    const adding = this.#admin.transaction((tx) => insertVersion(tx, input, actor));
    const version = await refusing(adding, {
      price_version_from_key: () =>
        new BulkheadError('conflict', {
          field: 'validFrom',
          reason: 'another version of the list begins at that instant',
        }),
      price_version_until_check: () =>
        new BulkheadError('value_invalid', { field: 'validUntil', reason: 'is not after validFrom' }),
      price_pkey: () =>
        new BulkheadError('value_invalid', { field: 'prices', reason: 'the same price is there twice' }),
    });
    this.#readMs = Number.NEGATIVE_INFINITY;
    return version;
  }

  async #read(): Promise<PriceBook> {
    const { rows } = await this.#admin.query(
      'select coalesce(max(version), 0) as newest from bulkhead.price_version',
    );
    const newest = Number(rows[0]?.['newest']);
    if (newest === 0) await this.#addStarter();
    // Versions are never changed, so a number that is not there yet is all that can be new.
    if (this.#book === undefined || newest !== this.#newest) this.#book = await readBook(this.#admin);
    this.#newest = Math.max(0, ...this.#book.versions.map(({ version }) => version));
    this.#readMs = this.#clock.monotonicMs();
    return this.#book;
  }

  /** Nodes that start together make it once. */
  async #addStarter(): Promise<void> {
    const { prices } = readLitellmPrices(JSON.parse(await readFile(starterFile, 'utf8')));
    await this.#admin.transaction(async (tx) => {
      await tx.query(lockText);
      const { rows } = await tx.query('select 1 from bulkhead.price_version limit 1');
      if (rows.length === 0)
        await insertVersion(
          tx,
          { ...starter, prices: [...prices, ...mixedPrices] },
          { kind: 'system', id: 'start' },
        );
    });
  }
}

const starter = {
  list: 'cost',
  name: 'Starting table',
  source: 'data/model-prices.json, 2026-07-24',
  validFrom: new Date('2000-01-01T00:00:00Z'),
  validUntil: undefined,
} as const;

/** What a question costs where nobody has said more: per token embedded, per token of a model, per search. */
const mixedPrices: readonly Price[] = [
  ['embedding.tokens', '0.0000001'],
  ['llm.tokens', '0.000002'],
  ['vector.queries', '0.00001'],
].map(([meter = '', usd = '']) => ({
  meter,
  model: '',
  rate: standardRate,
  usdPerUnit: parseUnitPrice(usd) ?? 0n,
}));

async function insertVersion(
  tx: AdminTransaction,
  input: NewPriceVersion,
  actor: Actor,
): Promise<PriceVersion> {
  const { list, name, source, validFrom, validUntil, prices } = input;
  await tx.query(lockText);
  const { rows } = await tx.query(insertVersionText, [
    list,
    name,
    source,
    validFrom.toISOString(),
    validUntil?.toISOString() ?? null,
  ]);
  const version = parseRow('price_version', versionShape, rows[0]);
  await tx.query(insertPricesText, [
    version.version,
    prices.map(({ meter }) => meter),
    prices.map(({ model }) => model),
    prices.map(({ rate }) => rate),
    prices.map(({ usdPerUnit }) => toUnitUsd(usdPerUnit)),
  ]);
  await tx.query(noteText, [actor.kind, actor.id, version.version, prices.length]);
  return version;
}

async function readBook(admin: AdminDatabase): Promise<PriceBook> {
  const { rows } = await admin.query(`select ${versionColumns} from bulkhead.price_version`);
  const versions = rows.map((row) => parseRow('price_version', versionShape, row));
  const tables = await Promise.all(
    versions.map(async (version) => new PriceTable(version, await readPrices(admin, version.version))),
  );
  return new PriceBook(tables);
}

async function readPrices(admin: AdminDatabase, version: number): Promise<readonly Price[]> {
  const { rows } = await admin.query(
    'select meter, model, rate, trim_scale(usd_per_unit)::text as usd from bulkhead.price where version = $1 order by meter, model, rate',
    [version],
  );
  return rows.map((row) => {
    const { usd, ...rest } = parseRow('price', priceShape, row);
    return { ...rest, usdPerUnit: usd };
  });
}
