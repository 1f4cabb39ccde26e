import { beforeAll, describe, expect, test } from 'vitest';
import { newTenantId, newUuid7 } from '../../src/core/ids.ts';
import type { Repository, RowsHandle } from '../../src/compartments/rows/rows.ts';
import type { Row } from '../../src/drivers/sql.ts';
import { describeOnEachStore } from '../support/each-store.ts';

interface Document extends Row {
  readonly id: string;
  readonly tenant_id: string;
  readonly external_id: string | null;
  readonly title: string;
  readonly content: string;
  readonly metadata: unknown;
  readonly created_by: string | null;
}

/** Texts that break SQL made by splicing. */
const hostile = [
  `'`,
  `"`,
  `';--`,
  `'; drop table documents; --`,
  `' or '1'='1`,
  `") or true --`,
  `\\`,
  `\\'`,
  `$1`,
  `$$`,
  `%`,
  `_`,
  `{}`,
  `\u2028`,
  `'; set app.tenant_id = 'x'; --`,
  `' union select * from documents --`,
  `1; select pg_sleep(1)`,
  `\u202e`,
  `a`.repeat(5_000),
  `😀'`,
  `select set_config('app.tenant_id','x',true)`,
];

describeOnEachStore('a repository', (store) => {
  let a: string;
  let b: string;
  beforeAll(async () => {
    a = (await store().bed.tenant('shared')).id;
    b = (await store().bed.tenant('shared')).id;
  });

  const as = <T>(
    tenant: string,
    work: (rows: RowsHandle, documents: Repository<Document>) => Promise<T>,
  ): Promise<T> =>
    store().bed.node.run(tenant, async (scope) => {
      await using rows = await store().bed.node.rows.open(scope);
      return await work(rows, rows.table<Document>('documents'));
    });

  test('creates, finds, changes, counts and deletes', async () => {
    await as(a, async (_, documents) => {
      const made = await documents.create({
        title: 'one',
        content: 'text',
        metadata: [1, { two: 'x' }],
        external_id: 'e1',
      });
      expect(made).toMatchObject({ title: 'one', tenant_id: a, metadata: [1, { two: 'x' }] });
      expect(await documents.findById(made.id)).toEqual(made);
      expect((await documents.update(made.id, { title: 'two' }))?.title).toBe('two');
      expect(await documents.count({ title: 'two' })).toBe(1);
      expect(await documents.delete(made.id)).toBe(true);
      expect(await documents.delete(made.id)).toBe(false);
      expect(await documents.findById(made.id)).toBeUndefined();
    });
  });

  test('a foreign id, a missing id and a malformed id answer alike to every verb, and the row stays', async () => {
    const mine = await as(a, (_, documents) => documents.create({ title: 'mine', content: 'secret' }));
    await as(b, async (_, documents) => {
      for (const id of [mine.id, newUuid7(), 'nonsense', `${mine.id}'--`]) {
        expect(await documents.findById(id)).toBeUndefined();
        expect(await documents.update(id, { title: 'theirs' })).toBeUndefined();
        expect(await documents.delete(id)).toBe(false);
      }
      expect((await documents.findAll({ where: { title: 'mine' } })).rows).toEqual([]);
    });
    expect(await as(a, (_, documents) => documents.findById(mine.id))).toEqual(mine);
  });

  test('the tenant cannot be chosen, and the caller’s object is left alone', async () => {
    await as(a, async (_, documents) => {
      const input = Object.freeze({ title: 't', content: 'c', tenant_id: b });
      await expect(documents.create(input)).rejects.toMatchObject({
        code: 'value_invalid',
        detail: { field: 'tenant_id' },
      });
      const own = await documents.create({ title: 't', content: 'c', tenant_id: a });
      await expect(documents.update(own.id, { tenant_id: b })).rejects.toMatchObject({
        code: 'value_invalid',
      });
      expect(input).toEqual({ title: 't', content: 'c', tenant_id: b });
    });
  });

  test.each(hostile.map((text, index) => [index, text] as const))(
    'hostile text %i is only ever a value',
    async (_, text) => {
      const before = await as(b, (__, documents) => documents.count());
      await as(a, async (rows, documents) => {
        const made = await documents.create({
          title: text,
          content: text,
          metadata: { [text.slice(0, 100)]: text },
        });
        expect((await documents.findAll({ where: { title: text } })).rows.map(({ id }) => id)).toContain(
          made.id,
        );
        expect(await documents.count({ title: { startsWith: text } })).toBeGreaterThan(0);
        expect(await documents.count({ title: { in: [text] } })).toBeGreaterThan(0);
        const raw =
          await rows.sql<Document>`select title from documents where title = ${text} and id = ${made.id}`;
        expect(raw).toEqual([{ title: text }]);
        await documents.delete(made.id);
      });
      expect(await as(b, (__, documents) => documents.count())).toBe(before);
    },
  );

  test.each(hostile)('the name %j is refused wherever a name is taken', async (name) => {
    await as(a, async (rows, documents) => {
      const refusal = { code: 'value_invalid' };
      await expect(documents.findAll({ where: { [name]: 1 } })).rejects.toMatchObject(refusal);
      await expect(documents.findAll({ orderBy: [{ column: name }] })).rejects.toMatchObject(refusal);
      await expect(documents.create({ [name]: 'x', title: 't', content: 'c' })).rejects.toMatchObject(
        refusal,
      );
      await expect(documents.findAll({ where: { title: { [name]: 'x' } } })).rejects.toMatchObject(refusal);
      expect(() => rows.table(name)).toThrow(expect.objectContaining(refusal));
    });
  });

  test.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])('%s is no column', async (name) => {
    await as(a, async (_, documents) => {
      await expect(documents.findAll({ where: JSON.parse(`{"${name}": 1}`) as never })).rejects.toMatchObject(
        { code: 'value_invalid' },
      );
    });
  });

  test('sql takes a template and nothing that looks like one', async () => {
    await as(a, async (rows) => {
      const spliced = Object.assign(['select 1'], { raw: ['select 1'] });
      await expect(rows.sql(spliced as unknown as TemplateStringsArray)).rejects.toMatchObject({
        code: 'value_invalid',
      });
      await expect(rows.sql('select 1' as unknown as TemplateStringsArray)).rejects.toMatchObject({
        code: 'value_invalid',
      });
    });
  });

  test('limits have a ceiling and offsets too', async () => {
    await as(a, async (_, documents) => {
      for (const query of [
        { limit: 0 },
        { limit: 1_001 },
        { limit: 1.5 },
        { limit: NaN },
        { offset: -1 },
        { offset: 100_001 },
      ])
        await expect(documents.findAll(query)).rejects.toMatchObject({ code: 'value_invalid' });
    });
  });

  describe('keyset paging', () => {
    let tenant: string;
    const total = 57;
    beforeAll(async () => {
      tenant = (await store().bed.tenant('schema')).id;
      await as(tenant, (rows) =>
        rows.transaction(async (tx) => {
          for (let i = 0; i < total; i += 1)
            await tx.table('documents').create({
              title: `t${i % 5}`,
              content: 'c',
              external_id: i % 3 === 0 ? null : `e${i}`,
            });
        }),
      );
    });

    test.each([
      [[]],
      [[{ column: 'title' }]],
      [[{ column: 'title', direction: 'desc' }]],
      [[{ column: 'external_id' }]],
      [[{ column: 'external_id', direction: 'desc' }]],
      [[{ column: 'created_at', direction: 'desc' }, { column: 'title' }]],
      [[{ column: 'title', direction: 'desc' }, { column: 'external_id' }, { column: 'created_at' }]],
    ] as const)('visits every row once, in the order of one long list: %j', async (orderBy) => {
      await as(tenant, async (_, documents) => {
        const whole = await documents.findAll({ orderBy, limit: 1_000 });
        const visited: string[] = [];
        let after: string | undefined;
        do {
          const page = await documents.findAll({
            orderBy,
            limit: 10,
            ...(after === undefined ? {} : { after }),
          });
          visited.push(...page.rows.map(({ id }) => id));
          after = page.nextCursor;
        } while (after !== undefined);
        expect(visited).toHaveLength(total);
        expect(visited).toEqual(whole.rows.map(({ id }) => id));
      });
    });

    test('a cursor of another listing, or one that was made up, is refused', async () => {
      await as(tenant, async (_, documents) => {
        const { nextCursor = '' } = await documents.findAll({ limit: 5 });
        const refusal = { code: 'value_invalid', detail: { field: 'after' } };
        await expect(
          documents.findAll({ after: nextCursor, orderBy: [{ column: 'title' }] }),
        ).rejects.toMatchObject(refusal);
        for (const after of ['x', 'e30', Buffer.from('[1,2]').toString('base64url')])
          await expect(documents.findAll({ after })).rejects.toMatchObject(refusal);
      });
    });
  });

  test('a transaction is all or nothing, and what failed inside it stays inside', async () => {
    await as(a, async (rows, documents) => {
      const before = await documents.count();
      await expect(
        rows.transaction(async (tx) => {
          await tx.table('documents').create({ title: 'x', content: 'x' });
          throw new Error('no');
        }),
      ).rejects.toThrow('no');
      expect(await documents.count()).toBe(before);
      await expect(
        rows.transaction((tx) => tx.table('documents').create({ title: null })),
      ).rejects.toMatchObject({ code: 'value_invalid' });
      expect(await documents.count()).toBe(before);
      await rows.transaction((tx) => tx.table('documents').create({ title: 'kept', content: 'x' }));
      expect(await documents.count()).toBe(before + 1);
    });
  });

  test('unique values are unique per tenant, so that nobody learns what another has', async () => {
    await as(a, (_, documents) => documents.create({ title: 't', content: 'c', external_id: 'same' }));
    await as(b, (_, documents) => documents.create({ title: 't', content: 'c', external_id: 'same' }));
    await expect(
      as(b, (_, documents) => documents.create({ title: 't', content: 'c', external_id: 'same' })),
    ).rejects.toMatchObject({ code: 'conflict' });
  });

  test('a reference to another tenant’s row is a reference to nothing', async () => {
    const user = await as(a, (rows) => rows.table('users').create({ email: 'u@example.test', name: 'U' }));
    const write = (tenant: string): Promise<Document> =>
      as(tenant, (_, documents) =>
        documents.create({ title: 't', content: 'c', created_by: String(user['id']) }),
      );
    await expect(write(b)).rejects.toMatchObject({ code: 'reference_invalid' });
    expect((await write(a)).created_by).toBe(user['id']);
  });

  test('errors name columns and constraints, never values', async () => {
    const secret = `canary-${newUuid7()}`;
    await as(a, async (rows, documents) => {
      await documents.create({ title: 't', content: 'c', external_id: secret });
      const failures = [
        documents.create({ title: 't', content: 'c', external_id: secret }),
        rows.sql`select ${secret}::int`,
        rows.sql`select 1 from documents where id = ${secret}`,
        rows.sql`insert into documents (title, content, created_by) values ('t', 'c', ${newTenantId()})`,
      ];
      for (const failure of failures) {
        const cause: unknown = await failure.then(
          () => undefined,
          (error: unknown) => error,
        );
        expect(cause).toBeInstanceOf(Error);
        const chain = [cause, (cause as Error).cause].map(
          (error) => `${String(error)} ${JSON.stringify(error)} ${(error as Error | undefined)?.stack ?? ''}`,
        );
        expect(chain.join(' ')).not.toContain(secret);
      }
    });
  });

  test('the governor stops a scope that runs too many statements, and rows beyond the cap', async () => {
    const { node } = store().bed;
    const plan = await node.registry.plans.read('free');
    if (plan === undefined) throw new Error('no plan');
    await node.registry.plans.put(
      {
        ...plan,
        id: 'tiny',
        name: 'Tiny',
        aliases: [],
        governor: { ...plan.governor, maxQueries: 3, maxRows: 10 },
      },
      { kind: 'operator', id: 'test' },
    );
    const small = await store().bed.tenant('shared', { plan: 'tiny' });
    await as(small.id, async (rows) => {
      await rows.sql`select 1`;
      await expect(rows.sql`select generate_series(1, 11)`).rejects.toMatchObject({
        code: 'row_cap_exceeded',
      });
      await rows.sql`select generate_series(1, 10)`;
      await expect(rows.sql`select 1`).rejects.toMatchObject({ code: 'query_budget_spent' });
    });
    await as(small.id, (rows) => rows.sql`select 1`);
  });
});
