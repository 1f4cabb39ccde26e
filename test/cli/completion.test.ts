import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { createProgram } from '../../src/cli/program.ts';
import { runCli, runJson } from './support/cli.ts';

const run = promisify(execFile);
let script: string;
beforeAll(async () => {
  script = (await runCli(['completion', 'bash'])).stdout;
});

/** What bash offers after the words of a line, the last of which is being typed. */
async function offered(line: readonly string[]): Promise<readonly string[]> {
  const words = line.map((word) => `'${word}'`).join(' ');
  const ask = `COMP_WORDS=(${words}); COMP_CWORD=${line.length - 1}; _bulkhead; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await run('bash', ['-c', `${script}\n${ask}`]);
  return stdout.trim().split('\n');
}

describe('bash', () => {
  test.each([
    [['bulkhead', 'ten'], ['tenant']],
    [
      ['bulkhead', 'tenant', 's'],
      ['secret', 'show', 'suspend'],
    ],
    [['bulkhead', '--verbose', 'tenant', 're'], ['resume']],
    [['bulkhead', 'tenant', 'create', 'acme', '--iso'], ['--isolation']],
    [['bulkhead', 'key', 'rotate', '--ov'], ['--overlap']],
  ])('%j completes to %j', async (line, expected) => {
    expect((await offered(line)).toSorted()).toEqual(expected);
  });

  test('offers every command', async () => {
    const program = await createProgram({
      env: {},
      streams: { stdout: { write: () => true }, stderr: { write: () => true } },
      format: 'human',
      exit: 'ok',
    });
    const names = program.commands.map((command) => command.name());
    expect(names.length).toBeGreaterThan(8);
    expect(await offered(['bulkhead', ''])).toEqual(expect.arrayContaining(names));
  });
});

test.each(['zsh', 'fish'])('the script for %s holds every command, and comes as JSON too', async (shell) => {
  const json = await runJson<{ shell: string; script: string }>(['completion', shell]);
  expect(json.shell).toBe(shell);
  for (const word of ['tenant', 'suspend', 'overlap', 'doctor', 'isolation'])
    expect(json.script).toContain(word);
});
