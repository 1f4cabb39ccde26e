import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../../..');
const node = join(root, 'node_modules/.bin/node');
const main = join(root, 'src/cli/main.ts');

type Env = Readonly<Record<string, string>>;

/** The environment without anything of ours, so that a developer's own settings decide nothing. */
function cleanEnv(given: Env): Env {
  const kept = Object.entries(process.env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !entry[0].startsWith('BULKHEAD_'),
  );
  return { ...Object.fromEntries(kept), BULKHEAD_PORT: '0', NO_COLOR: '1', ...given };
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** What was printed so far. */
  stdout(): string;
  stderr(): string;
}

/** The real program as a process of its own. */
export function startCli(args: readonly string[], env: Env = {}): Running {
  const child = spawn(node, [main, ...args], {
    cwd: root,
    env: cleanEnv(env),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  child.stdin.end();
  const ended = Promise.withResolvers<Ended>();
  child.once('error', ended.reject);
  child.once('close', (code, signal) => ended.resolve({ code, signal, stdout, stderr }));
  return { child, ended: ended.promise, stdout: () => stdout, stderr: () => stderr };
}

export function runCli(args: readonly string[], env: Env = {}): Promise<Ended> {
  return startCli(args, env).ended;
}

/** The result of a command that must work. */
export async function runJson<Value>(args: readonly string[], env: Env = {}): Promise<Value> {
  const { code, stdout, stderr } = await runCli([...args, '--json'], env);
  if (code !== 0) throw new Error(`bulkhead ${args.join(' ')} ended with ${code}: ${stderr}`);
  return JSON.parse(stdout) as Value;
}

export interface CliError {
  readonly code: string;
  readonly title: string;
  readonly hint: string;
  readonly exitCode: number;
  readonly fields?: readonly { readonly field: string }[];
}

/** The error of a command that must fail: one line of JSON on stderr, nothing on stdout. */
export async function runError(
  args: readonly string[],
  env: Env = {},
): Promise<CliError & { readonly ended: Ended }> {
  const ended = await runCli([...args, '--json'], env);
  if (ended.stdout !== '') throw new Error(`a failed command printed a result: ${ended.stdout}`);
  const { error } = JSON.parse(ended.stderr) as { error: CliError };
  return { ...error, ended };
}

export interface Started {
  readonly url: string;
  readonly dataDir: string;
  readonly database: string;
  readonly operatorToken?: string;
}

export interface Served extends Running {
  readonly started: Started;
}

/** A server that listens. @throws what it printed where it ends before that */
export async function startServer(dataDir: string, env: Env = {}): Promise<Served> {
  const running = startCli(['serve', '--json', '--data-dir', dataDir], env);
  const listening = Promise.withResolvers<Started>();
  running.child.stdout?.on('data', () => {
    const started = parseStarted(running.stdout());
    if (started !== undefined) listening.resolve(started);
  });
  void running.ended.then(({ code, stderr }) =>
    listening.reject(new Error(`serve ended with ${code}: ${stderr}`)),
  );
  return { ...running, started: await listening.promise };
}

function parseStarted(text: string): Started | undefined {
  try {
    return JSON.parse(text) as Started;
  } catch {
    return undefined;
  }
}

/** Asks it to end, in order or at once, and waits until it has. */
export async function stopServer(
  { child, ended }: Running,
  signal: NodeJS.Signals = 'SIGTERM',
): Promise<Ended> {
  child.kill(signal);
  return await ended;
}

export interface TemporaryFolder extends AsyncDisposable {
  readonly path: string;
}

export async function temporaryFolder(): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(tmpdir(), 'bulkhead-cli-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 3 }) };
}
