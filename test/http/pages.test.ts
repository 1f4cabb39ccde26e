import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeWith } from '../support/services.ts';
import { docsPage } from '../../src/server/pages/docs-page.ts';
import { homePage } from '../../src/server/pages/home-page.ts';
import { listen } from '../request/raw-http.ts';
import type { Listening } from '../request/raw-http.ts';
import { toOpenApi } from '../../src/server/openapi.ts';

/** The pages need no node behind them, only what they fetch. */
let site: Listening;

beforeAll(async () => {
  const docs = docsPage();
  site = await listen((request, response) => {
    if (request.url === '/openapi.json') response.end(JSON.stringify(toOpenApi('0.1.0', true)));
    else response.writeHead(200, { 'content-type': 'text/html', ...docs.headers }).end(docs.html);
  });
});
afterAll(() => site[Symbol.asyncDispose]());

describe.each([
  ['/', homePage('0.1.0')],
  ['/docs', docsPage()],
])('the page at %s', (_path, page) => {
  test('needs nothing but itself', () => {
    expect(page.html).toMatch(/^<!doctype html>\n<html lang="en">/);
    expect(page.html.match(/(?:src|href)="(?!\/|#|data:,)[^"]*"/g) ?? []).toEqual([]);
    expect(page.html.match(/@import|url\(|<link rel="stylesheet"/g) ?? []).toEqual([]);
  });

  test('allows no script but its own, and no frame around it', () => {
    const policy = page.headers['content-security-policy'] ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain('unsafe');
    expect(page.html.match(/ on\w+="|javascript:|style="/g) ?? []).toEqual([]);
  });

  test('has a title, one main heading, and a label for every field', () => {
    expect(page.html).toMatch(/<title>[^<]+<\/title>/);
    expect(page.html.match(/<h1>/g)?.length).toBe(1);
    const ids = [...page.html.matchAll(/<input id="([\w-]+)"/g)].map(([, id]) => id);
    expect(ids.filter((id) => !page.html.includes(`<label for="${id}"`))).toEqual([]);
  });
});

describeWith('chromium', 'in a browser', (chromium) => {
  test('/docs lists every operation, with a form for each', async () => {
    const profile = await mkdtemp(join(tmpdir(), 'bulkhead-browser-'));
    const flags = [
      '--headless',
      '--no-sandbox',
      '--virtual-time-budget=5000',
      '--dump-dom',
      `${site.url}/docs`,
    ];
    const { stdout } = await promisify(execFile)(chromium, flags, { maxBuffer: 50_000_000, timeout: 60_000 });
    await rm(profile, { recursive: true, force: true });
    const { paths } = toOpenApi('0.1.0', true) as {
      paths: Record<string, Record<string, { operationId: string }>>;
    };
    const ids = Object.values(paths).flatMap((methods) =>
      Object.values(methods).map(({ operationId }) => operationId),
    );
    expect(ids.length).toBeGreaterThan(30);
    for (const id of ids) expect(stdout, id).toContain(`id="op-${id}"`);
    expect(stdout.match(/<form/g)?.length).toBe(ids.length + 1);
    const fields = [...stdout.matchAll(/<(?:input|textarea) id="([\w-]+)"/g)].map(([, id]) => id);
    expect(fields.filter((id) => !stdout.includes(`for="${id}"`))).toEqual([]);
  }, 90_000);
});
