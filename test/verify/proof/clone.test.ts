import { expect, test } from 'vitest';
import { scoreClone } from '../../../src/verify/proof/mutations/clone.ts';
import { wallContext } from '../../../src/verify/proof/preset.ts';
import { canonicalOptions, canonicalSchema } from './canonical-schema.ts';
import { openEmbedded } from './databases.ts';

const context = {
  context: wallContext,
  contextFunction: wallContext,
  contextSetting: 'bulkhead.capability',
};

test(
  'a live schema is cloned without loss and its clone broken table by table',
  { timeout: 180_000 },
  async () => {
    await using live = await openEmbedded();
    await live.db.script(await canonicalSchema(live.prefix));
    await using scratch = await openEmbedded();
    const score = await scoreClone(live.db, {
      scratch: scratch.db,
      options: canonicalOptions(live.prefix),
      context,
      maxTables: 2,
    });
    expect(score.differences).toEqual([]);
    expect(score.tables).toHaveLength(2);
    expect(score.missed).toEqual([]);
    expect(score.caught).toBe(score.planted);
    expect(score.planted).toBeGreaterThan(150);
  },
);

test('a clone that is not like the original says so', { timeout: 180_000 }, async () => {
  await using live = await openEmbedded();
  await live.db.script(await canonicalSchema(live.prefix));
  await using scratch = await openEmbedded();
  await scratch.db.script('create schema shared; create table shared.task (body text)');
  const { differences } = await scoreClone(live.db, {
    scratch: scratch.db,
    options: canonicalOptions(live.prefix),
    context,
    maxTables: 0,
  });
  expect(differences.join('\n')).toContain('relation "task" already exists');
  expect(differences.join('\n')).toContain('tenant tables');
});
