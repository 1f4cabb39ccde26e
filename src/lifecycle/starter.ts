import { randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { access, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import type { Compartment } from '../core/compartment.ts';
import { BulkheadError } from '../core/errors.ts';
import { toRecordText, type ExportRecord } from '../core/export-record.ts';
import type { Tenant } from '../core/tenant.ts';

const NAME = /^[a-z0-9][a-z0-9-]{0,39}$/;
const lineShape = z.strictObject({ set: z.string(), value: z.record(z.string(), z.unknown()) });

/**
 * Data that new tenants begin with. A template is a folder with a file `KIND.jsonl` for each compartment it fills; a line
 * is `{"set", "value"}`, as the compartment exports it, without the tenant.
 */
export class Starters {
  readonly #folder: string | undefined;

  /** @param folder where templates are; undefined = there are none */
  constructor(folder: string | undefined) {
    this.#folder = folder;
  }

  /** @throws request_invalid where there is no such template */
  async assertExists(name: string): Promise<void> {
    const exists =
      this.#folder !== undefined &&
      NAME.test(name) &&
      (await access(join(this.#folder, name)).then(
        () => true,
        () => false,
      ));
    if (!exists)
      throw new BulkheadError('request_invalid', {
        field: 'template',
        reason: 'there is no such template',
        hint: 'BULKHEAD_TEMPLATES_DIR holds a folder for each',
      });
  }

  /** @returns what the template has for a compartment; undefined = nothing */
  async read(name: string, kind: string): Promise<AsyncIterable<ExportRecord> | undefined> {
    await this.assertExists(name);
    const path = join(this.#folder ?? '', name, `${kind}.jsonl`);
    const exists = await access(path).then(
      () => true,
      () => false,
    );
    return exists ? readLines(path, `${name}/${kind}.jsonl`) : undefined;
  }

  /**
   * Makes a template of what a tenant has now. One of the name is replaced once the new one is whole.
   * @throws request_invalid for a name that cannot be a folder's, or where no folder for templates is configured
   */
  async save(name: string, tenant: Tenant, compartments: readonly Compartment[]): Promise<number> {
    if (this.#folder === undefined || !NAME.test(name))
      throw new BulkheadError('request_invalid', {
        field: 'template',
        reason: 'up to 40 of a-z, 0-9 and hyphens, in the folder that BULKHEAD_TEMPLATES_DIR names',
      });
    const making = join(this.#folder, `.${name}-${randomUUID()}`);
    await mkdir(making, { recursive: true });
    let count = 0;
    for (const compartment of compartments) {
      const placement = tenant.placements.find((candidate) => candidate.compartment === compartment.kind);
      if (placement === undefined) continue;
      const lines = async function* (): AsyncGenerator<string> {
        for await (const record of compartment.export(placement)) {
          count += 1;
          yield `${JSON.stringify({ set: record.set, value: withoutTenant(record) })}\n`;
        }
      };
      await pipeline(Readable.from(lines()), createWriteStream(join(making, `${compartment.kind}.jsonl`)));
    }
    await rm(join(this.#folder, name), { recursive: true, force: true });
    await rename(making, join(this.#folder, name));
    return count;
  }
}

function withoutTenant(record: ExportRecord): Record<string, unknown> {
  const { tenant_id: _, ...value } = JSON.parse(toRecordText(record)) as Record<string, unknown>;
  return value;
}

/** @throws value_invalid naming file and line */
async function* readLines(path: string, shown: string): AsyncGenerator<ExportRecord> {
  let number = 0;
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
    number += 1;
    if (line.trim() === '') continue;
    const parsed = lineShape.safeParse(parseJson(line));
    if (!parsed.success)
      throw new BulkheadError('value_invalid', {
        field: 'template',
        reason: `${shown}:${number} is not a record: {"set": …, "value": {…}}`,
      });
    yield parsed.data;
  }
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
