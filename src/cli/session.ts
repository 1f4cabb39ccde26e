import type { Command } from 'commander';
import { readConfig, type Config } from '../config.ts';
import { exitCodes, type Exit } from './exit.ts';
import { createOutput, type Format, type Output, type Streams } from './output.ts';

export type Env = Readonly<Record<string, string | undefined>>;

/** Options that stand anywhere on the line, for every command. */
export interface GlobalFlags {
  readonly json?: true;
  readonly verbose?: true;
  readonly url?: string;
  readonly token?: string;
  readonly dataDir?: string;
}

/** What the process is given. Tests pass their own. */
export interface Cli {
  readonly env: Env;
  readonly streams: Streams;
  readonly format: Format;
  /** Set by the command that ran; the process ends with it. */
  exit: Exit;
}

/** One command as it runs. */
export interface Session {
  readonly output: Output;
  readonly flags: GlobalFlags;
  /** The environment with what flags put over it. */
  readonly env: Env;
  /** Read when first asked for: a command that needs no configuration works with a wrong one. @throws config_invalid */
  config(): Config;
}

/** A flag wins over the variable of the same meaning. */
function overlay(env: Env, flags: Readonly<Record<string, string | undefined>>): Env {
  const given = Object.entries(flags).filter(([, value]) => value !== undefined);
  return { ...env, ...Object.fromEntries(given) };
}

function openSession(cli: Cli, command: Command): Session {
  const flags = command.optsWithGlobals<GlobalFlags & { port?: string; host?: string }>();
  const env = overlay(cli.env, {
    BULKHEAD_DATA_DIR: flags.dataDir,
    BULKHEAD_URL: flags.url,
    BULKHEAD_PORT: flags.port,
    BULKHEAD_HOST: flags.host,
  });
  let config: Config | undefined;
  return {
    flags,
    env,
    output: createOutput({
      streams: cli.streams,
      env,
      format: cli.format,
      verbosity: flags.verbose === true ? 'verbose' : 'normal',
    }),
    config: () => (config ??= readConfig(env)),
  };
}

/** The body of a command. @returns how the process ends; nothing = well */
export type Body<Options> = (
  session: Session,
  options: Options,
  args: readonly string[],
) => Promise<Exit | void>;

/** Makes a commander action of a body. What it throws is reported by `main`. */
export function toAction<Options>(cli: Cli, body: Body<Options>): (...received: unknown[]) => Promise<void> {
  return async (...received) => {
    const command = received.at(-1) as Command;
    const session = openSession(cli, command);
    cli.exit = (await body(session, command.opts() as Options, command.args)) ?? 'ok';
  };
}

export function toExitCode(exit: Exit): number {
  return exitCodes[exit].code;
}
