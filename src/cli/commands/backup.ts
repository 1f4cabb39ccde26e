import { Command } from 'commander';
import { withOperator } from '../connection/connect.ts';
import { toAction, type Cli } from '../session.ts';
import { backupFields, backupTable } from '../views/backup.ts';
import { watchOperation } from '../views/watch.ts';

export function backupCreateCommand(cli: Cli): Command {
  return new Command('create')
    .description('back a tenant up, and read the backup back')
    .argument('<tenant>', 'id or slug')
    .action(
      toAction(cli, async (session, _, [tenant = '']) => {
        const made = await withOperator(session, async (operator) => {
          const params = { tenant };
          const begun = await operator.call('createBackup', { params, query: undefined, body: undefined });
          await watchOperation(session, operator, { operation: begun.operation, title: 'backup' });
          return await operator.call('getBackup', {
            params: { backup: begun.backup.id },
            query: undefined,
            body: undefined,
          });
        });
        session.output.result(made, (page) => page.fields(backupFields(made)));
      }),
    );
}

export function backupListCommand(cli: Cli): Command {
  return new Command('list')
    .description('list backups, the newest first, with their last drill')
    .option('--tenant <tenant>', 'only those of one')
    .option('--limit <number>', 'at most so many', '100')
    .action(
      toAction<{ tenant?: string; limit: string }>(cli, async (session, { tenant, limit }) => {
        const query = { limit, ...(tenant === undefined ? {} : { tenant }) };
        const listed = await withOperator(session, (operator) =>
          operator.call('listBackups', { params: {}, query, body: undefined }),
        );
        session.output.result(listed, (page) =>
          listed.items.length === 0
            ? 'no backups; make one with: bulkhead backup create TENANT'
            : backupTable(page, listed.items),
        );
      }),
    );
}

export function backupVerifyCommand(cli: Cli): Command {
  return new Command('verify')
    .description('read all of a backup and compare it with what was written')
    .argument('<backup>', 'its id')
    .action(
      toAction(cli, async (session, _, [backup = '']) => {
        const verified = await withOperator(session, (operator) =>
          operator.call('verifyBackup', { params: { backup }, query: undefined, body: undefined }),
        );
        session.output.result(verified, (page) => page.fields(backupFields(verified)));
      }),
    );
}

export function backupDeleteCommand(cli: Cli): Command {
  return new Command('delete')
    .description('delete a backup, file and entry')
    .argument('<backup>', 'its id')
    .action(
      toAction(cli, async (session, _, [backup = '']) => {
        await withOperator(session, (operator) =>
          operator.call('deleteBackup', { params: { backup }, query: undefined, body: undefined }),
        );
        session.output.result({ deleted: backup }, () => `deleted ${backup}`);
      }),
    );
}
