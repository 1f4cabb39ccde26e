import { Command } from 'commander';
import type { Cli } from '../session.ts';
import { completionCommand } from './completion.ts';

/** Every command, in the order the help lists them. */
export function createTree(cli: Cli, program: () => Command): readonly Command[] {
  return [completionCommand(cli, program)];
}
