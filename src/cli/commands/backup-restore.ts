import { setTimeout } from 'node:timers/promises';
import { Command } from 'commander';
import { BulkheadError } from '../../core/errors.ts';
import { withOperator } from '../connection/connect.ts';
import type { Operator } from '../connection/operator.ts';
import { toAction, type Cli, type Session } from '../session.ts';
import { restoreText, type ShownRestore } from '../views/backup.ts';
import { tenantFields } from '../views/tenant.ts';
import { watchOperation } from '../views/watch.ts';

export function backupRestoreCommand(cli: Cli): Command {
  return new Command('restore')
    .description('put a backup beside the data of its tenant and compare the two; nothing is changed yet')
    .argument('<backup>', 'its id')
    .option('--as <slug>', 'make a new tenant of it instead')
    .action(
      toAction<{ as?: string }>(cli, async (session, { as: slug }, [backup = '']) => {
        if (slug !== undefined) return await restoreAs(session, backup, slug);
        const staged = await withOperator(session, async (operator) => {
          const begun = await operator.call('restoreBackup', {
            params: { backup },
            query: undefined,
            body: undefined,
          });
          const { tenant } = await operator.call('getBackup', {
            params: { backup },
            query: undefined,
            body: undefined,
          });
          return await watch(operator, tenant, begun);
        });
        session.output.result(staged, (page) => restoreText(page, staged));
        if (staged.phase === 'staged')
          session.output.note(
            'go on with: bulkhead backup swap TENANT, or end it with: bulkhead backup rollback TENANT',
          );
      }),
    );
}

async function restoreAs(session: Session, backup: string, slug: string): Promise<void> {
  const tenant = await withOperator(session, async (operator) => {
    const made = await operator.call('restoreBackupAs', {
      params: { backup },
      query: undefined,
      body: { slug },
    });
    await watchOperation(session, operator, { operation: made.operation, title: 'restore' });
    const params = { tenant: made.tenant.id };
    return await operator.call('getTenant', { params, query: undefined, body: undefined });
  });
  session.output.result(tenant, (page) => page.fields(tenantFields(tenant)));
}

const lookEveryMs = 500;

async function watch(operator: Operator, tenant: string, begun: ShownRestore): Promise<ShownRestore> {
  let now = begun;
  while (now.phase === 'staging') {
    await setTimeout(lookEveryMs);
    now = await operator.call('getRestore', { params: { tenant }, query: undefined, body: undefined });
  }
  if (now.phase === 'failed')
    throw new BulkheadError('archive_refused', { reason: now.failure?.reason ?? 'no reason is known' });
  return now;
}

export function backupSwapCommand(cli: Cli): Command {
  return following(cli, 'swap', {
    call: 'swapRestore',
    description: 'let the tenant work on what was restored; what it had is kept',
  });
}

export function backupConfirmCommand(cli: Cli): Command {
  return following(cli, 'confirm', {
    call: 'confirmRestore',
    description: 'end a restore for good: what the tenant had before is erased',
  });
}

export function backupRollbackCommand(cli: Cli): Command {
  return following(cli, 'rollback', {
    call: 'rollBackRestore',
    description: 'take a restore back; after the swap, what was written since goes with it',
  });
}

function following(
  cli: Cli,
  name: string,
  next: { readonly call: 'swapRestore' | 'confirmRestore' | 'rollBackRestore'; readonly description: string },
): Command {
  return new Command(name)
    .description(next.description)
    .argument('<tenant>', 'id or slug')
    .action(
      toAction(cli, async (session, _, [tenant = '']) => {
        const ended = await withOperator(session, (operator) =>
          operator.call(next.call, { params: { tenant }, query: undefined, body: undefined }),
        );
        session.output.result(ended, (page) => restoreText(page, ended));
      }),
    );
}

export function backupDrillCommand(cli: Cli): Command {
  return new Command('drill')
    .description(
      'restore the latest backup of a tenant, or of all that have one, compare it, and throw it away',
    )
    .argument('[tenant]', 'id or slug; default: all that have a backup')
    .action(
      toAction(cli, async (session, _, [tenant]) => {
        const drills = await withOperator(session, async (operator) => {
          const done = [];
          for (const each of tenant === undefined ? await withBackups(operator) : [tenant]) {
            const params = { tenant: each };
            done.push(await operator.call('drillBackup', { params, query: undefined, body: undefined }));
            session.output.note(`drill: ${each} is whole`);
          }
          return done;
        });
        session.output.result(
          { items: drills },
          () => `${drills.length} backups were restored and found whole`,
        );
      }),
    );
}

async function withBackups(operator: Operator): Promise<readonly string[]> {
  const { items } = await operator.call('listBackups', {
    params: {},
    query: { limit: 1_000 },
    body: undefined,
  });
  return [...new Set(items.filter(({ state }) => state === 'ready').map(({ tenant }) => tenant))];
}
