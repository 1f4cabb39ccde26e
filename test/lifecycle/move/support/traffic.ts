import { setTimeout } from 'node:timers/promises';
import type { Bulkhead } from '../../../../src/bulkhead.ts';
import { isBulkheadError } from '../../../../src/core/errors.ts';
import { newUuid7, type TenantId } from '../../../../src/core/ids.ts';

/** Writes documents with ids of its own, and remembers those that were acknowledged. Reads all the while. */
export class Traffic implements AsyncDisposable {
  readonly acknowledged = new Set<string>();
  readonly deleted = new Set<string>();
  /** Codes of refused statements. */
  readonly refused = new Map<string, number>();
  readonly readGapsMs: number[] = [];
  reads = 0;
  #running = true;
  readonly #done: Promise<unknown>;

  constructor(nodes: readonly Bulkhead[], tenant: TenantId, writers = 2) {
    const loops = nodes.flatMap((node) => [
      ...Array.from({ length: writers }, (_, index) => this.#write(node, tenant, index)),
      this.#read(node, tenant),
    ]);
    this.#done = Promise.all(loops);
  }

  async stop(): Promise<void> {
    this.#running = false;
    await this.#done;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #write(node: Bulkhead, tenant: TenantId, index: number): Promise<void> {
    for (let count = 0; this.#running; count += 1) {
      await node
        .run(tenant, async (scope) => {
          await using rows = await node.rows.open(scope);
          for (let i = 0; i < 20 && this.#running; i += 1) {
            const id = newUuid7();
            await this.#attempt(async () => {
              if (i % 5 === 4)
                await rows.transaction(async (tx) => {
                  await tx.table('documents').create({ id, title: `w${index}`, content: 'in a transaction' });
                  await tx.sql`update documents set title = 'again' where id = ${id}`;
                });
              else await rows.table('documents').create({ id, title: `w${index}`, content: `n${count}` });
              this.acknowledged.add(id);
            });
            if (i % 7 === 6)
              await this.#attempt(async () => {
                const [victim] = this.acknowledged;
                if (victim === undefined) return;
                this.acknowledged.delete(victim);
                this.deleted.add(victim);
                await rows.table('documents').delete(victim);
              });
            await setTimeout(2);
          }
        })
        .catch((cause: unknown) => this.#note(cause));
    }
  }

  async #read(node: Bulkhead, tenant: TenantId): Promise<void> {
    let last = performance.now();
    while (this.#running) {
      await node
        .run(tenant, async (scope) => {
          await using rows = await node.rows.open(scope);
          for (let i = 0; i < 50 && this.#running; i += 1) {
            await rows.table('documents').findAll({ limit: 5 });
            this.reads += 1;
            const now = performance.now();
            this.readGapsMs.push(now - last);
            last = now;
            await setTimeout(1);
          }
        })
        .catch((cause: unknown) => {
          this.refused.set('READ', (this.refused.get('READ') ?? 0) + 1);
          this.#note(cause);
        });
    }
  }

  async #attempt(work: () => Promise<void>): Promise<void> {
    await work().catch((cause: unknown) => this.#note(cause));
  }

  #note(cause: unknown): void {
    const code = isBulkheadError(cause) ? cause.code : String(cause);
    this.refused.set(code, (this.refused.get(code) ?? 0) + 1);
    if (code === 'internal')
      process.stderr.write(
        `${String(cause)} ${JSON.stringify(isBulkheadError(cause) ? cause.detail : {})}\n`,
      );
  }
}

/** Ids of the tenant's documents as it sees them now. */
export async function readIds(node: Bulkhead, tenant: TenantId): Promise<readonly string[]> {
  return await node.run(tenant, async (scope) => {
    await using rows = await node.rows.open(scope);
    const found = await rows.sql<{ ids: string[] | null }>`select array_agg(id::text) as ids from documents`;
    return found[0]?.ids ?? [];
  });
}

/** Puts a little of everything in: rows that refer to one another, arrays, JSON, times, nulls, odd text. */
export async function fill(node: Bulkhead, tenant: TenantId, documents: number): Promise<readonly string[]> {
  const ids: string[] = [];
  await node.run(tenant, async (scope) => {
    await using rows = await node.rows.open(scope);
    const user = await rows.table('users').create({ email: 'a@example.test', name: 'Ä "quoted" \\ {NULL}' });
    await rows.table('conversations').create({ user_id: user['id'], title: 'NULL', messages: [{ a: 1 }] });
    await rows.table('settings').create({ key: 'theme', value: { dark: true } });
    await rows.sql`insert into tenant_policies (resource_type, actions) values ('doc', array['read', 'a,b', 'c"d'])`;
    await rows.sql`insert into tenant_usage (model, cost) values ('m', 0.000000001)`;
    await rows.sql`insert into audit_log (action, ip) values ('x', '10.0.0.1')`;
    for (let done = 0; done < documents; done += 1_000) {
      const found = await rows.sql<{ id: string }>`
        insert into documents (title, content, metadata, created_by)
          select 't' || n, repeat('x', 200), jsonb_build_object('n', n), ${user['id']}::uuid
          from generate_series(1, ${Math.min(1_000, documents - done)}::int) n returning id`;
      ids.push(...found.map(({ id }) => id));
    }
  });
  return ids;
}
