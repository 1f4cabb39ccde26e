import type { Bulkhead } from '../bulkhead.ts';
import { isolations } from '../core/placement.ts';
import type { Corpus } from './corpus.ts';
import { median, timed } from './median.ts';
import type { WorkRow } from './report.ts';
import type { DemoTenant } from './tenants.ts';

/** A stored paragraph: where the attacks aim. */
export interface StoredDocument {
  readonly id: string;
  readonly externalId: string;
}

export interface Worked {
  readonly rows: readonly WorkRow[];
  /** Ids of every stored paragraph, by the tenant's name. */
  readonly documents: ReadonlyMap<string, readonly StoredDocument[]>;
}

interface Times {
  readonly create: number[];
  readonly list: number[];
  readonly get: number[];
}

/** Every tenant stores its paragraphs, lists them, and reads each one back. */
export async function doTheWork(
  node: Bulkhead,
  input: { readonly corpus: Corpus; readonly tenants: readonly DemoTenant[] },
  stored: () => void,
): Promise<Worked> {
  const documents = new Map<string, readonly StoredDocument[]>();
  const times = new Map<string, Times>();
  for (const { name, tenant } of input.tenants) {
    const own = { create: [], list: [], get: [] } satisfies Times;
    times.set(name, own);
    const texts = input.corpus.paragraphs.filter((paragraph) => paragraph.tenant === name);
    const made: StoredDocument[] = [];
    for (const { id, text } of texts) {
      // Each in a scope of its own, as requests would be: read, cut, embedded, indexed and stored.
      const document = {
        externalId: id,
        title: '',
        content: text,
        bytes: Buffer.from(text),
        contentType: 'text/plain',
      };
      const { result, ms } = await timed(() =>
        node.run(tenant.id, (scope) => node.library.put(scope, document)),
      );
      record(own.create, ms);
      made.push({ id: result.document, externalId: id });
      stored();
    }
    documents.set(name, made);
    await readBack(node, { tenant: tenant.id, made, times: own });
  }
  return { rows: toRows(input.tenants, { documents, times }), documents };
}

/** In a scope of its own, as another request would be. @throws where what comes back is not what was stored */
async function readBack(
  node: Bulkhead,
  input: { readonly tenant: string; readonly made: readonly StoredDocument[]; readonly times: Times },
): Promise<void> {
  await node.run(input.tenant, async () => {
    const table = node.rows.current().table<{ id: string; external_id: string }>('documents');
    const { result: page, ms } = await timed(() => table.findAll({ limit: 20 }));
    record(input.times.list, ms);
    if (page.count !== Math.min(20, input.made.length))
      throw new Error('a list is not as long as what was stored');
    for (const { id, externalId } of input.made) {
      const { result: row, ms: readMs } = await timed(() => table.findById(id));
      record(input.times.get, readMs);
      if (row?.external_id !== externalId) throw new Error('a document that was stored did not come back');
    }
  });
}

function record(into: number[], ms: number): void {
  into.push(ms);
}

function toRows(
  tenants: readonly DemoTenant[],
  measured: {
    readonly documents: ReadonlyMap<string, readonly StoredDocument[]>;
    readonly times: ReadonlyMap<string, Times>;
  },
): readonly WorkRow[] {
  return isolations.flatMap((isolation): readonly WorkRow[] => {
    const here = tenants.filter(({ tenant }) => tenant.isolation === isolation);
    if (here.length === 0) return [];
    const of = (kind: keyof Times): number =>
      median(here.flatMap(({ name }) => measured.times.get(name)?.[kind] ?? []));
    return [
      {
        isolation,
        tenants: here.length,
        paragraphs: here.reduce((sum, { name }) => sum + (measured.documents.get(name)?.length ?? 0), 0),
        readyMs: median(here.map(({ readyMs }) => readyMs)),
        createMs: of('create'),
        listMs: of('list'),
        getMs: of('get'),
      },
    ];
  });
}
