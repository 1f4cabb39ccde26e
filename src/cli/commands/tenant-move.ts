import { setTimeout } from 'node:timers/promises';
import { Command, InvalidArgumentError, Option } from 'commander';
import { compartmentKinds, isolations, type CompartmentKind, type Isolation } from '../../core/placement.ts';
import { BulkheadError } from '../../core/errors.ts';
import { withOperator } from '../connection/connect.ts';
import type { Operator } from '../connection/operator.ts';
import { toAction, type Cli, type Session } from '../session.ts';
import { moveFields, type ShownMove } from '../views/move.ts';

interface Options {
  readonly isolation: Isolation;
  readonly server?: string;
  readonly compartment?: readonly CompartmentKind[];
  readonly dryRun?: true;
}

export function tenantMoveCommand(cli: Cli): Command {
  return new Command('move')
    .description('move a tenant to another isolation or server while it works')
    .argument('<tenant>', 'id or slug')
    .addOption(
      new Option('--isolation <isolation>', 'where it shall be').choices(isolations).makeOptionMandatory(),
    )
    .option('--server <name>', 'a server by name, for dedicated; default any free one')
    .addOption(
      new Option(
        '--compartment <kind>',
        'move this one alone; may be given several times; default all',
      ).argParser(collect),
    )
    .option('--dry-run', 'say size, time and risk, and change nothing')
    .action(
      toAction(cli, async (session, raw, [tenant = '']) => {
        const { isolation, server, compartment, dryRun } = raw as Options;
        const moved = await withOperator(session, async (operator) => {
          const started = await operator.call('moveTenant', {
            params: { tenant },
            query: undefined,
            body: {
              isolation,
              dryRun: dryRun === true,
              ...(server === undefined ? {} : { server }),
              ...(compartment === undefined ? {} : { only: [...compartment] }),
            },
          });
          return started.phase === 'moving' ? await watch(session, operator, tenant) : started;
        });
        session.output.result(moved, (page) => page.fields(moveFields(moved)));
        assertMoved(moved);
      }),
    );
}

function collect(raw: string, before: readonly CompartmentKind[] = []): readonly CompartmentKind[] {
  const kind = compartmentKinds.find((each) => each === raw);
  if (kind === undefined) throw new InvalidArgumentError(`give one of ${compartmentKinds.join(', ')}`);
  return [...before, kind];
}

const lookEveryMs = 500;

/** Until it has ended one way or another. */
async function watch(session: Session, operator: Operator, tenant: string): Promise<ShownMove> {
  let told = -1;
  for (;;) {
    const now = await operator.call('getMove', { params: { tenant }, query: undefined, body: undefined });
    if (now.phase !== 'moving') return now;
    const percent = now.progress === null ? 0 : Math.floor((100 * now.progress.done) / now.progress.total);
    if (now.progress !== null && percent >= told + 10) {
      told = percent;
      session.output.note(`copied ${now.progress.done} of ${now.progress.total} rows`);
    }
    await setTimeout(lookEveryMs);
  }
}

function assertMoved({ phase, failure }: ShownMove): void {
  if (phase !== 'failed') return;
  throw new BulkheadError('transition_refused', {
    reason: `the move was undone in ${failure?.step ?? 'an unknown step'}: ${failure?.reason ?? 'no reason is known'}`,
  });
}
