import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { beforeAll, describe, expect, test } from 'vitest';
import { exitCodes } from '../../src/cli/exit.ts';
import { cliFailures } from '../../src/cli/failure.ts';
import { createProgram } from '../../src/cli/program.ts';
import type { Cli } from '../../src/cli/session.ts';
import { errorTable } from '../../src/core/errors.ts';
import { toExit } from '../../src/cli/exit.ts';
import { BulkheadError, type ErrorCode } from '../../src/core/errors.ts';
import { readConfig } from '../../src/config.ts';

const reference = join(import.meta.dirname, '../../docs/reference');
const silent = { write: () => true };
const cli: Cli = { env: {}, streams: { stdout: silent, stderr: silent }, format: 'human', exit: 'ok' };

/** Rows of the tables of a text, cell by cell, without back quotes. */
function rowsOf(text: string): readonly (readonly string[])[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('|') && !line.startsWith('|---'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll('`', '')),
    );
}

function sectionsOf(text: string, level: '##' | '###'): ReadonlyMap<string, string> {
  const parts = text.split(new RegExp(`^${level} `, 'm')).slice(1);
  return new Map(
    parts.map((part) => {
      const [title = '', ...rest] = part.split('\n');
      return [title.replaceAll('`', ''), rest.join('\n')];
    }),
  );
}

function leavesOf(command: Command, path = command.name()): readonly (readonly [string, Command])[] {
  if (command.commands.length === 0) return [[path, command]];
  return command.commands.flatMap((child) => leavesOf(child, `${path} ${child.name()}`));
}

const everywhere = ['--json', '--verbose', '--url', '--token', '--data-dir'];

describe('docs/reference/cli.md', () => {
  let text: string;
  let leaves: readonly (readonly [string, Command])[];
  beforeAll(async () => {
    text = await readFile(join(reference, 'cli.md'), 'utf8');
    leaves = leavesOf(await createProgram(cli));
  });

  test('has the exit codes of the program, with their meaning', () => {
    const documented = rowsOf(sectionsOf(text, '##').get('Exit codes') ?? '').slice(1);
    const real = Object.entries(exitCodes).map(([name, { code, meaning }]) => [String(code), name, meaning]);
    expect(real.length).toBeGreaterThan(5);
    expect(documented).toEqual(real);
  });

  test('has the error codes of the command line', () => {
    const [, , ...documented] = rowsOf(sectionsOf(text, '##').get('Errors') ?? '');
    const real = Object.entries(cliFailures).map(([code, { exit, title }]) => [
      code,
      String(exitCodes[exit].code),
      title,
    ]);
    expect(documented.filter(([code = '']) => code in cliFailures)).toEqual(real);
  });

  test('says right how the other codes end', () => {
    const wrong = (Object.keys(errorTable) as ErrorCode[]).filter((code) => {
      const { status } = errorTable[code];
      const special: Partial<Record<ErrorCode, number>> = {
        data_dir_in_use: 5,
        config_invalid: 2,
        compartment_unreachable: 3,
        registry_stale: 3,
        shutting_down: 3,
      };
      const expected = special[code] ?? (status === 404 ? 4 : status === 409 ? 5 : 1);
      return exitCodes[toExit(new BulkheadError(code))].code !== expected;
    });
    expect(wrong).toEqual([]);
  });

  test('describes every command and no other', () => {
    const described = [...sectionsOf(text, '###').keys()];
    expect(leaves.length).toBeGreaterThan(15);
    expect(described.toSorted()).toEqual(leaves.map(([path]) => path).toSorted());
  });

  test('describes every option of every command and no other', () => {
    const sections = sectionsOf(text, '###');
    const differences = leaves.flatMap(([path, command]) => {
      const documented = rowsOf(sections.get(path) ?? '')
        .slice(1)
        .map(([flags = '']) => flags);
      const own = command.options.filter(
        ({ long, description }) => !everywhere.includes(long ?? '') || description.includes('postgres://'),
      );
      const real = own.map(({ flags }) => flags);
      return documented.join() === real.join() ? [] : [{ path, documented, real }];
    });
    expect(differences).toEqual([]);
  });

  test('describes the options that every command has', () => {
    const [, ...documented] = rowsOf(text.slice(0, text.indexOf('## Where')));
    expect(documented.map(([flags = '']) => flags.split(' ')[0])).toEqual(everywhere);
  });
});

describe('docs/reference/configuration.md', () => {
  const known = /^\s{2}(BULKHEAD_\w+):/gm;

  test('has every variable the program reads and no other', async () => {
    const text = await readFile(join(reference, 'configuration.md'), 'utf8');
    const source = await readFile(join(import.meta.dirname, '../../src/config.ts'), 'utf8');
    const read = [...source.matchAll(known)].map(([, name = '']) => name);
    const documented = rowsOf(text)
      .map(([name = '']) => name)
      .filter((name) => name.startsWith('BULKHEAD_'));
    expect(read.length).toBeGreaterThan(20);
    expect(documented.toSorted()).toEqual(read.toSorted());
  });

  test('has the defaults the program uses', async () => {
    const text = await readFile(join(reference, 'configuration.md'), 'utf8');
    const defaults = new Map(rowsOf(text).map(([name = '', , value = '']) => [name, value]));
    const stated = [...defaults].filter(
      ([name, value]) => name.startsWith('BULKHEAD_') && /^[\w.,:/-]+$/.test(value) && value !== 'none',
    );
    expect(stated.length).toBeGreaterThan(12);
    // Giving every stated default by hand must change nothing.
    expect(readConfig(Object.fromEntries(stated))).toEqual(readConfig({}));
  });
});
