import { openDatabase } from '../../compose.ts';
import { parseTenantId } from '../../core/ids.ts';
import type { Adoption, AdoptOptions, AdoptStatus } from '../../fleet/adopt/adoption.ts';
import { openAdoption } from '../../open-adoption.ts';
import type { AdoptCommandOptions } from '../commands/adopt.ts';
import type { Exit } from '../exit.ts';
import { CliFailure } from '../failure.ts';
import type { Output } from '../output.ts';
import { startProgress, type Progress } from '../progress.ts';
import type { Session } from '../session.ts';
import { drawAdoptPlan, drawAdoptStatus } from './draw.ts';

export async function adopt(session: Session, options: AdoptCommandOptions): Promise<Exit> {
  const url = options.url ?? session.env['BULKHEAD_DATABASE_URL'] ?? '';
  if (!/^postgres(?:ql)?:\/\//.test(url))
    throw new CliFailure('usage_invalid', {
      reason: 'no database is named',
      hint: 'pass --url postgres://owner@host/database, or set BULKHEAD_DATABASE_URL',
    });
  const asked = toOptions(options);
  const admin = openDatabase(url);
  try {
    const adoption = openAdoption(admin);
    if (options.undo === true) return await undo(session.output, adoption);
    return await (options.run === true ? run : showPlan)(session.output, adoption, { asked, options });
  } finally {
    await admin.close();
  }
}

interface Ask {
  readonly asked: AdoptOptions;
  readonly options: AdoptCommandOptions;
}

function toOptions({ schema, shared, tenant, role }: AdoptCommandOptions): AdoptOptions {
  const id = tenant === undefined ? undefined : parseTenantId(tenant);
  if (tenant !== undefined && id === undefined)
    throw new CliFailure('usage_invalid', {
      reason: '--tenant is no tenant id',
      hint: 'give a UUID, in small letters',
    });
  return { schema, shared, tenant: id, role };
}

async function showPlan(output: Output, adoption: Adoption, { asked }: Ask): Promise<Exit> {
  const planned = await adoption.plan(asked);
  const status = await adoption.status();
  output.result({ plan: planned, done: status?.done ?? 0 }, (page) => drawAdoptPlan(page, planned, status));
  return planned.obstacles.some(({ severity }) => severity === 'refused') ? 'failed' : 'ok';
}

async function run(output: Output, adoption: Adoption, { asked, options }: Ask): Promise<Exit> {
  let progress: Progress | undefined;
  try {
    const status = await adoption.run(asked, {
      until: options.until,
      batchRows: options.batch,
      restMs: options.rest,
      onStep: (done, total, { name }) => {
        progress ??= startProgress(output, 'adopting', total - done + 1);
        progress.advance(name);
      },
      onRows: (table, rows) => output.detail(`${table}: ${rows} rows`),
    });
    progress?.done();
    output.result(toJson(status), (page) => drawAdoptStatus(page, status));
    return status.proof === undefined || status.proof.verdict === 'held' ? 'ok' : 'failed';
  } finally {
    progress?.done();
  }
}

/** The steps are in the plan, for whoever asks for that. */
function toJson({ plan, ...status }: AdoptStatus): object {
  const { steps, ...planned } = plan;
  return { ...status, plan: planned, steps: steps.length };
}

async function undo(output: Output, adoption: Adoption): Promise<Exit> {
  let progress: Progress | undefined;
  const undone = await adoption.undo((position) => {
    progress ??= startProgress(output, 'taking back', position + 1);
    progress.advance();
  });
  progress?.done();
  output.result({ undone }, () =>
    undone === 0 ? 'there was nothing to take back' : `${undone} steps taken back`,
  );
  return 'ok';
}
