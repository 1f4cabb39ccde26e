#!/usr/bin/env node
import { CommanderError } from 'commander';
import { toExit } from './exit.ts';
import { createProgram } from './program.ts';
import { printReport } from './report.ts';
import { toExitCode, type Cli } from './session.ts';

// Known before the line is parsed, because parsing may be what fails.
const argv = process.argv.slice(2);
const cli: Cli = {
  env: process.env,
  streams: { stdout: process.stdout, stderr: process.stderr },
  format: argv.includes('--json') ? 'json' : 'human',
  exit: 'ok',
};

// `bulkhead tenant list | head -1` closes the pipe early: that is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});

try {
  const program = await createProgram(cli);
  await program.parseAsync(argv, { from: 'user' });
} catch (error) {
  // Help and version end the parsing by an exception too.
  if (!(error instanceof CommanderError)) {
    cli.exit = toExit(error);
    const verbosity = argv.includes('--verbose') ? 'verbose' : 'normal';
    printReport(process.stderr, error, { format: cli.format, env: cli.env, verbosity });
  }
}
process.exitCode = toExitCode(cli.exit);
