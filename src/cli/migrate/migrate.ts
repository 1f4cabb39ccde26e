import type { Bulkhead } from '../../bulkhead.ts';
import { BulkheadError } from '../../core/errors.ts';
import type { Actor } from '../../core/scope.ts';
import type { FleetRun, MigrationOptions, MigrationScope, WatchRun } from '../../fleet/fleet.ts';
import type { MigrateOptions } from '../commands/migrate.ts';
import { withNode } from '../connection/node.ts';
import type { Exit } from '../exit.ts';
import type { Output } from '../output.ts';
import { startProgress, type Progress } from '../progress.ts';
import { listenForStop } from '../serve/stop.ts';
import type { Session } from '../session.ts';
import { drawPlan, drawRun } from './draw.ts';

const actor: Actor = { kind: 'operator', id: 'cli' };

export function migrate(session: Session, options: MigrateOptions): Promise<Exit> {
  return withNode(session, (node) =>
    options.dryRun === true ? plan(session, node, options) : run(session, node, options),
  );
}

async function plan({ output }: Session, node: Bulkhead, options: MigrateOptions): Promise<Exit> {
  const planned = await node.fleet.plan(toScope(options));
  output.result(planned, (page) => drawPlan(page, planned));
  return planned.unreachable.length === 0 ? 'ok' : 'unreachable';
}

async function run({ output }: Session, node: Bulkhead, options: MigrateOptions): Promise<Exit> {
  const stop = listenForStop((code) => process.exit(code));
  const watcher = watch(output);
  try {
    const ended = await start(node, { options, signal: stop.signal, watch: watcher.tell });
    watcher.done();
    const detail = await node.fleet.run(ended.id);
    const failed = detail?.containers.filter(({ state }) => state === 'failed') ?? [];
    output.result({ ...ended, failed }, (page) => drawRun(page, ended, failed));
    return toExit(ended, options);
  } finally {
    watcher.done();
    stop.release();
  }
}

function start(
  { fleet }: Bulkhead,
  ask: { readonly options: MigrateOptions; readonly signal: AbortSignal; readonly watch: WatchRun },
): Promise<FleetRun> {
  const { options, signal } = ask;
  if (options.cancel !== undefined) return fleet.cancel(options.cancel);
  if (options.resume !== undefined)
    return fleet.resume(options.resume, { signal, abortAfter: options.abortAfter }, ask.watch);
  return fleet.migrate({ ...toScope(options), ...toPace(options), signal }, actor, ask.watch);
}

function toScope({ to, tenant, retry, canary, shared }: MigrateOptions): MigrationScope {
  return { to, only: tenant, retry, canary, shared };
}

function toPace({ abortAfter, workers, pauseAfterCanary, canary }: MigrateOptions): MigrationOptions {
  if (pauseAfterCanary === true && canary === undefined)
    throw new BulkheadError('request_invalid', {
      field: 'canary',
      reason: 'there is nothing to pause after',
      hint: 'say how many go first: --canary 3 --pause-after-canary',
    });
  return { abortAfter, workers, pause: pauseAfterCanary === true ? 'after_canary' : undefined };
}

/** The bar begins when the run says how many there are. */
function watch(output: Output): { readonly tell: WatchRun; done(): void } {
  let progress: Progress | undefined;
  return {
    tell({ total, container, state, reason }) {
      progress ??= startProgress(output, 'migrating', total);
      progress.advance(container);
      if (state === 'failed') output.detail(`${container}: ${reason ?? 'failed'}`);
    },
    done() {
      progress?.done();
      progress = undefined;
    },
  };
}

function toExit({ state }: FleetRun, options: MigrateOptions): Exit {
  if (state === 'done') return 'ok';
  if (state === 'cancelled') return options.cancel === undefined ? 'failed' : 'ok';
  return state === 'paused' && options.pauseAfterCanary === true ? 'ok' : 'failed';
}
