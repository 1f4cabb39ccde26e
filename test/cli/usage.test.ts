import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { runCli, runError } from './support/cli.ts';

describe('a line that cannot be understood', () => {
  test('ends with 2 and suggests the nearest command', async () => {
    const { code, hint, ended } = await runError(['tenent', 'list']);
    expect(ended.code).toBe(2);
    expect(code).toBe('usage_invalid');
    expect(hint).toContain('tenant');
  });

  test.each([
    [['tenant', 'crate', 'acme'], 'create'],
    [['tenant', 'list', '--stat', 'active'], '--state'],
    [['key', 'create', 'acme'], '--name'],
    [['tenant', 'list', '--state', 'asleep'], 'active'],
    [['tenant', 'show'], 'tenant show --help'],
    [['tenant', 'show', 'a', 'b'], 'tenant show --help'],
    [['completion', 'csh'], 'fish'],
    [['demo', '--tenants', '3'], 'from 4 to 20'],
    [['tenant'], 'tenant --help'],
  ])('%j says what would be right', async (args, expected) => {
    const { ended, exitCode, ...error } = await runError(args);
    expect([ended.code, exitCode]).toEqual([2, 2]);
    expect(JSON.stringify(error)).toContain(expected);
  });

  test('is told to people on stderr, with what to do, and without a stack', async () => {
    const { code, stdout, stderr } = await runCli(['tenant', 'crate']);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^error .*\nto do .*\n$/);
  });
});

test('help and version go to stdout and end with 0', async () => {
  const [help, version] = await Promise.all([runCli(['tenant', 'create', '--help']), runCli(['--version'])]);
  expect([help.code, help.stderr, version.code]).toEqual([0, '', 0]);
  expect(help.stdout).toContain('--isolation');
  expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
});

test('a wrong configuration names every wrong variable at once and none of their values', async () => {
  const { code, ended, ...rest } = await runError(['plan', 'list'], {
    BULKHEAD_POOL_MAX: 'many',
    BULKHEAD_POOLMAX: '3',
    BULKHEAD_MASTER_KEY: 'not-a-key-but-secret',
  });
  expect([code, ended.code]).toEqual(['config_invalid', 2]);
  const text = JSON.stringify(rest);
  for (const name of ['BULKHEAD_POOL_MAX', 'BULKHEAD_POOLMAX', 'BULKHEAD_MASTER_KEY'])
    expect(text).toContain(name);
  expect(text).not.toContain('not-a-key-but-secret');
});

test('a server that was named and does not answer ends with 3, and nothing else is tried', async () => {
  const { code, ended } = await runError(['tenant', 'list'], {
    BULKHEAD_URL: 'http://127.0.0.1:9',
    BULKHEAD_OPERATOR_TOKEN: 'x'.repeat(40),
  });
  expect([code, ended.code]).toEqual(['server_unreachable', 3]);
});

test('asking a question where no data is makes none', async () => {
  const { code, ended, hint } = await runError([
    'tenant',
    'list',
    '--data-dir',
    join(tmpdir(), 'bulkhead-nothing-here'),
  ]);
  expect([code, ended.code]).toEqual(['server_unreachable', 3]);
  expect(hint).toContain('bulkhead serve');
});
