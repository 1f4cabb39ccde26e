import { Command } from 'commander';
import { toAction, type Cli } from '../session.ts';

export function doctorCommand(cli: Cli): Command {
  return new Command('doctor')
    .description('check versions, roles, settings, walls and the pooler, live; says what to do')
    .addHelpText(
      'after',
      '\nMakes throw-away tenants for the checks and removes them. Ends with 1 when a check fails.',
    )
    .action(
      toAction(cli, async (session) => {
        const { doctor } = await import('../doctor/doctor.ts');
        return await doctor(session);
      }),
    );
}
