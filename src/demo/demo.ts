import type { Bulkhead } from '../bulkhead.ts';
import { AttackLog } from './attack-log.ts';
import type { Corpus } from './corpus.ts';
import { attackOverHttp } from './http-attacks.ts';
import { attackLibrary } from './library-attacks.ts';
import type { DemoReport } from './report.ts';
import { askEverything, compareLists } from './search.ts';
import { attackStores, pairsAcross } from './store-attacks.ts';
import { createTenants, type DemoTenant, type Naming } from './tenants.ts';
import { openToy } from './toy.ts';
import { doTheWork } from './work.ts';

/** Told how far it is. */
export interface Watcher {
  start(title: string, total: number): { advance(label?: string): void; done(): void };
}

export interface DemoOptions {
  readonly naming: Naming;
  readonly watcher: Watcher;
  /** Told of each tenant as it is made, so that whoever cleans up knows them even when the demo breaks. */
  readonly created: (tenant: DemoTenant) => void;
}

/** Tenants, work, the wrong way, attacks. The node stays open. */
export async function runDemo(node: Bulkhead, corpus: Corpus, options: DemoOptions): Promise<DemoReport> {
  const startedMs = performance.now();
  const { watcher } = options;
  const phase = async <T>(
    title: string,
    total: number,
    work: (tick: () => void) => Promise<T>,
  ): Promise<T> => {
    const progress = watcher.start(title, total);
    try {
      return await work(() => progress.advance());
    } finally {
      progress.done();
    }
  };

  const { tenants, notCovered } = await phase('creating tenants ', corpus.tenants.length, (tick) =>
    createTenants(node, corpus, {
      naming: options.naming,
      created: (tenant) => {
        options.created(tenant);
        tick();
      },
    }),
  );
  const worked = await phase('storing documents', corpus.paragraphs.length, (tick) =>
    doTheWork(node, { corpus, tenants }, tick),
  );
  using toy = openToy(corpus.paragraphs);
  const search = { node, toy, tenants: new Map(tenants.map((tenant) => [tenant.name, tenant])) };
  const [first] = tenants;
  if (first === undefined) throw new Error('the demo needs tenants');
  const wrongWay = await compareLists(search, first);
  const asked = await phase('asking questions ', corpus.questions.length, (tick) =>
    askEverything(search, corpus.questions, tick),
  );
  const log = new AttackLog();
  const across = pairsAcross(tenants);
  const pairs = await phase('attacking stores ', across.length, (tried) =>
    attackStores(node, across, { log, tried }),
  );
  const field = { node, tenants, documents: worked.documents, log };
  await phase('attacking library', tenants.length, (tried) => attackLibrary({ ...field, tried }));
  await phase('attacking HTTP   ', tenants.length, (tried) => attackOverHttp({ ...field, tried }));
  const attacks = log.rows();
  const total = (kind: 'held' | 'leaked' | 'untested'): number =>
    attacks.reduce((sum, row) => sum + row[kind], 0);
  return {
    source: corpus.source,
    tenants: tenants.length,
    paragraphs: corpus.paragraphs.length,
    work: worked.rows,
    wrongWay,
    search: asked,
    pairs,
    attacks,
    notCovered,
    held: total('held'),
    leaked: total('leaked') + asked.neighbourAsksBulkhead.found,
    untested: total('untested'),
    seconds: (performance.now() - startedMs) / 1_000,
  };
}
