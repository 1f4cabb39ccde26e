import { Argument, Command } from 'commander';
import { shells, toCompletionScript, type Shell } from '../completion.ts';
import { toAction, type Cli } from '../session.ts';

export function completionCommand(cli: Cli, program: () => Command): Command {
  return new Command('completion')
    .description('print a completion script for a shell')
    .addArgument(new Argument('<shell>', 'shell to complete in').choices(shells))
    .addHelpText(
      'after',
      '\nbash:  eval "$(bulkhead completion bash)"\nzsh:   bulkhead completion zsh > "${fpath[1]}/_bulkhead"\nfish:  bulkhead completion fish > ~/.config/fish/completions/bulkhead.fish',
    )
    .action(
      toAction(cli, async ({ output }, _, [shell]) => {
        const script = toCompletionScript(program(), shell as Shell);
        output.result({ shell, script }, () => script);
      }),
    );
}
