import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bulkhead } from '../../bulkhead.ts';
import { readConfig, type Config } from '../../config.ts';
import type { TenantId } from '../../core/ids.ts';
import { createBulkhead } from '../../create-bulkhead.ts';
import { readCorpus } from '../../demo/corpus.ts';
import { runDemo } from '../../demo/demo.ts';
import { drawDemo } from '../../demo/draw.ts';
import { demoActor } from '../../demo/tenants.ts';
import type { Exit } from '../exit.ts';
import { startProgress } from '../progress.ts';
import type { Session } from '../session.ts';
import { throwAway } from '../../throw-away.ts';

export interface DemoInput {
  readonly tenants: number;
  readonly after: 'keep' | 'remove';
}

/** Main database, two databases of tenants' own, one dedicated server: all open at once, so that none is reopened for each attack. */
const embeddedInstances = 4;

/** Where the demo runs, and what becomes of it afterwards. */
interface Stage {
  readonly config: Config;
  readonly naming: 'plain' | 'fresh';
  /** Tenants have to be removed one by one, because the place is not ours alone. */
  readonly tenants: 'leave' | 'remove';
  clean(): Promise<void>;
}

export async function demo(session: Session, input: DemoInput): Promise<Exit> {
  const stage = await setStage(session, input);
  const made: TenantId[] = [];
  try {
    session.output.note('opening the database …');
    const node = await createBulkhead({ config: stage.config });
    try {
      const report = await runDemo(node, await readCorpus(input.tenants), {
        naming: stage.naming,
        watcher: { start: (title, total) => startProgress(session.output, title, total) },
        created: ({ tenant }) => made.push(tenant.id),
      });
      session.output.result(report, (page) => drawDemo(page, report));
      if (report.leaked > 0) return 'failed';
      return report.untested > 0 ? 'usage' : 'ok';
    } finally {
      if (stage.tenants === 'remove') await removeAll(session, node, made);
      await node.close();
    }
  } finally {
    await stage.clean();
  }
}

/** What is there stays: it was there before, or is to be looked at. */
const nothing = async (): Promise<void> => {};

async function setStage({ env, flags, output }: Session, input: DemoInput): Promise<Stage> {
  // Its attacks are refused by the walls that are shown, not for being too many.
  const quiet = {
    ...env,
    BULKHEAD_LIMITS: 'off',
    BULKHEAD_EMBEDDED_INSTANCES: embeddedInstances.toString(),
  };
  if ((env['BULKHEAD_DATABASE_URL'] ?? '') !== '') {
    const tenants = input.after === 'keep' ? 'leave' : 'remove';
    return { config: readConfig(quiet), naming: 'fresh', tenants, clean: nothing };
  }
  if (flags.dataDir !== undefined)
    return { config: readConfig(quiet), naming: 'fresh', tenants: 'leave', clean: nothing };
  const folder = await mkdtemp(join(tmpdir(), 'bulkhead-demo-'));
  const config = readConfig({ ...quiet, BULKHEAD_DATA_DIR: folder });
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  if (input.after === 'remove') return { config, naming: 'plain', tenants: 'leave', clean: remove };
  const tell = async (): Promise<void> => output.note(`go on with: bulkhead serve --data-dir ${folder}`);
  return { config, naming: 'plain', tenants: 'leave', clean: tell };
}

async function removeAll(session: Session, node: Bulkhead, made: readonly TenantId[]): Promise<void> {
  const progress = startProgress(session.output, 'removing tenants ', made.length);
  for (const id of made) {
    await throwAway(node, id, demoActor);
    progress.advance();
  }
  progress.done();
}
