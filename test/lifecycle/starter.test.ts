import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Tenant } from '../../src/core/tenant.ts';
import { newTestDatabase, newTestNode, operator, type TestDatabase, type TestNode } from '../support/node.ts';
import { describeWith } from '../support/services.ts';

describeWith('postgres', 'a tenant that begins with a template', (url) => {
  let folder: string;
  let database: TestDatabase;
  let bed: TestNode;
  let model: Tenant;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bulkhead-templates-'));
    database = await newTestDatabase(url);
    bed = await newTestNode({ databaseUrl: database.url, env: { BULKHEAD_TEMPLATES_DIR: folder } });
    model = await bed.tenant('shared');
    await bed.node.run(model.id, async (scope) => {
      await using rows = await bed.node.rows.open(scope);
      const user = await rows.table('users').create({ email: 'guide@example.com', name: 'Guide' });
      await rows.table('documents').create({ title: 'Welcome', content: 'Read me', created_by: user['id'] });
      await rows.table('documents').create({ title: 'Second', content: '"quoted" \\ and ünï 🙂' });
    });
    expect(await bed.node.lifecycle.saveTemplate(model.id, 'welcome', operator)).toBe(3);
  });
  afterAll(async () => {
    await bed[Symbol.asyncDispose]();
    await database[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  const create = (slug: string, template: string, isolation = 'shared') =>
    bed.node.lifecycle.create({ slug, name: slug, plan: 'enterprise', isolation, template }, operator);
  const titlesOf = (tenant: string) =>
    bed.node.run(tenant, async (scope) => {
      await using rows = await bed.node.rows.open(scope);
      const { rows: found } = await rows
        .table('documents')
        .findAll({ orderBy: [{ column: 'title', direction: 'asc' }] });
      return found.map(({ title, content, created_by }) => [title, content, created_by !== null]);
    });

  test.each(['shared', 'schema', 'database'])('has its data when it is let in, on %s', async (isolation) => {
    const { tenant, operation } = await create(`new-${isolation}`, 'welcome', isolation);
    expect(await titlesOf(tenant.id)).toEqual([
      ['Second', '"quoted" \\ and ünï 🙂', false],
      ['Welcome', 'Read me', true],
    ]);
    const done = await bed.node.registry.operations.read(operation.id);
    expect(done?.steps.find(({ name }) => name === 'fill rows')?.result).toEqual({ imported: '3' });
  });

  test('holds nothing that names the model', async () => {
    const text = await readFile(join(folder, 'welcome', 'rows.jsonl'), 'utf8');
    expect(text).not.toContain(model.id);
    expect(text.trim().split('\n')).toHaveLength(3);
  });

  test('leaves the model and every other tenant as they were', async () => {
    await create('apart', 'welcome');
    await bed.node.run('apart', async (scope) => {
      await using rows = await bed.node.rows.open(scope);
      const { rows: found } = await rows.table('documents').findAll();
      for (const { id } of found) await rows.table('documents').delete(String(id));
    });
    expect(await titlesOf(model.id)).toHaveLength(2);
  });

  test('is refused before anything is made where there is no such template', async () => {
    for (const template of ['nothing', '../welcome', '', '.', 'welcome/rows.jsonl'])
      await expect(create('never', template)).rejects.toMatchObject({
        code: 'request_invalid',
        detail: { field: 'template' },
      });
    expect(
      (await bed.node.registry.tenants.list({ limit: 100 })).tenants.map(({ slug }) => slug),
    ).not.toContain('never');
  });

  test.each([
    ['a line that is no record', 'not json\n'],
    ['a table that is not there', '{"set":"nowhere","value":{}}\n'],
    ['a reference to nothing', ''],
  ])('leaves nothing of the tenant when the template is broken: %s', async (_, line) => {
    await bed.node.lifecycle.saveTemplate(model.id, 'broken', operator);
    const path = join(folder, 'broken', 'rows.jsonl');
    if (line === '') {
      const kept = (await readFile(path, 'utf8'))
        .split('\n')
        .filter((text) => !text.includes('guide@example.com'));
      await writeFile(path, kept.join('\n'));
    } else await appendFile(path, line);
    await expect(create('broken', 'broken')).rejects.toThrow();
    const after = (await bed.node.registry.tenants.list({ limit: 100 })).tenants;
    expect(after.map(({ slug }) => slug)).not.toContain('broken');
    const { rows } = await database.root.query(
      `select count(*)::int as left from shared.documents where tenant_id not in (select id from bulkhead.tenant where state = 'active')`,
    );
    expect(rows).toEqual([{ left: 0 }]);
  });
});
