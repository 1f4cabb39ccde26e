import { afterAll, beforeAll, expect, test } from 'vitest';
import { newTenantId, parseRequestId, type TenantId } from '../../src/core/ids.ts';
import type { AuditEvent, Registry } from '../../src/registry/registry.ts';
import { newApiKey, newOperatorToken } from '../../src/registry/key-format.ts';
import {
  describeRegistry,
  makeRegistry,
  MovableClock,
  operator,
  until,
  WatchedDatabase,
  type TestRegistry,
} from './support.ts';

function event(tenant: TenantId, fields: Partial<AuditEvent> = {}): Omit<AuditEvent, 'at'> {
  return {
    tenant,
    actor: operator,
    action: 'document.read',
    severity: 'info',
    requestId: undefined,
    detail: {},
    ...fields,
  };
}

function isWrite(text: string): boolean {
  return text.startsWith('insert into bulkhead.audit_event');
}

/** Dates hold milliseconds, the database microseconds. */
function after(at: Date): Date {
  return new Date(at.getTime() + 1);
}

describeRegistry('the audit trail', (dialect) => {
  let made: TestRegistry;
  let registry: Registry;
  beforeAll(async () => {
    made = await makeRegistry(dialect);
    ({ registry } = made);
  });
  afterAll(() => made[Symbol.asyncDispose]());

  const countOf = async (tenant: TenantId): Promise<number> => {
    const { rows } = await made.database.admin.query<{ count: number }>(
      'select count(*)::int as count from bulkhead.audit_event where tenant_id = $1',
      [tenant],
    );
    return rows[0]?.count ?? 0;
  };

  test('what is recorded is read back, newest first, of that tenant alone', async () => {
    const [tenant, other] = [newTenantId(), newTenantId()];
    const requestId = parseRequestId('request-12345');
    registry.audit.record(
      event(tenant, { action: 'a.first', requestId, severity: 'critical', detail: { count: 3 } }),
    );
    registry.audit.record(event(other));
    await registry.audit.flush();
    registry.audit.record(event(tenant, { action: 'a.second' }));
    await registry.audit.flush();
    const events = await registry.audit.list({ tenant, limit: 10 });
    expect(events).toMatchObject([
      { action: 'a.second', tenant },
      { action: 'a.first', tenant, actor: operator, requestId, severity: 'critical', detail: { count: 3 } },
    ]);
    expect(await registry.audit.list({ tenant, limit: 1 })).toHaveLength(1);
  });

  test('a period includes its beginning and excludes its end', async () => {
    const tenant = newTenantId();
    for (let time = 0; time < 3; time += 1) {
      registry.audit.record(event(tenant));
      await registry.audit.flush();
    }
    const [last, middle, first] = await registry.audit.list({ tenant, limit: 10 });
    if (first === undefined || middle === undefined || last === undefined) throw new Error('not recorded');
    expect(await registry.audit.list({ tenant, from: first.at, limit: 10 })).toHaveLength(3);
    expect(await registry.audit.list({ tenant, from: first.at, to: after(last.at), limit: 10 })).toHaveLength(
      3,
    );
    expect(await registry.audit.list({ tenant, to: first.at, limit: 10 })).toEqual([]);
    expect(await registry.audit.list({ tenant, from: after(last.at), limit: 10 })).toEqual([]);
  });

  test('nobody changes or removes what was recorded, not even the owner of the database', async () => {
    const tenant = newTenantId();
    registry.audit.record(event(tenant));
    await registry.audit.flush();
    for (const text of [
      'update bulkhead.audit_event set action = action',
      'delete from bulkhead.audit_event',
      'truncate bulkhead.audit_event',
    ])
      await expect(made.database.admin.query(text)).rejects.toMatchObject({ sqlState: 'BH002' });
    expect(await countOf(tenant)).toBe(1);
  });

  test('details keep ids, numbers and short codes; anything that could be data is withheld, by name', async () => {
    const tenant = newTenantId();
    const detail = {
      document: newTenantId(),
      count: 12n,
      size: 3.5,
      ok: true,
      code: 'slug_taken',
      kinds: ['rows', 'a whole sentence'],
      email: 'someone@example.com',
      text: 'The patient said that',
      key: newApiKey().secret,
      token: newOperatorToken(),
      nested: { deep: 'value' },
      missing: undefined,
      'bad name': 1,
    };
    registry.audit.record(event(tenant, { detail }));
    await registry.audit.flush();
    const [stored] = await registry.audit.list({ tenant, limit: 1 });
    expect(stored?.detail).toEqual({
      document: detail.document,
      count: '12',
      size: 3.5,
      ok: true,
      code: 'slug_taken',
      kinds: ['rows', '[withheld]'],
      email: '[withheld]',
      text: '[withheld]',
      key: '[withheld]',
      token: '[withheld]',
      nested: '[withheld]',
    });
  });

  test('recording does no I/O; thousands of events become a few writes', async () => {
    const watched = new WatchedDatabase(made.database.connect());
    const node = await made.node({ admin: watched });
    const tenant = newTenantId();
    watched.seen.length = 0;
    for (let time = 0; time < 3_000; time += 1) node.audit.record(event(tenant));
    expect(watched.seen.filter(isWrite)).toEqual([]);
    await until(async () => (await countOf(tenant)) === 3_000);
    expect(watched.seen.filter(isWrite).length).toBeLessThanOrEqual(7);
  });

  test('what one caller causes thousands of times becomes one entry that says how often; a stop does not lose it', async () => {
    const node = await made.node();
    const [tenant, other] = [newTenantId(), newTenantId()];
    for (let time = 1; time <= 5_000; time += 1)
      node.audit.recordRepeated('storm', event(tenant, { detail: { attempts: time } }));
    node.audit.recordRepeated('breeze', event(other));
    expect(await countOf(tenant)).toBe(0);
    await node.close();
    expect(await registry.audit.list({ tenant, limit: 10 })).toMatchObject([
      { detail: { attempts: 5_000, repeated: 5_000 } },
    ]);
    expect(await registry.audit.list({ tenant: other, limit: 10 })).toMatchObject([
      { detail: { repeated: 1 } },
    ]);
  });

  test('a clean stop loses nothing', async () => {
    const node = await made.node();
    const tenant = newTenantId();
    for (let time = 0; time < 700; time += 1) node.audit.record(event(tenant));
    await node.close();
    expect(await countOf(tenant)).toBe(700);
  });

  test('an outage loses nothing, and a batch whose answer was lost is stored once', async () => {
    const inner = made.database.connect();
    const watched = new WatchedDatabase(inner);
    const node = await made.node({ admin: watched });
    const tenant = newTenantId();
    // Reaches the database, then fails: the writer cannot know.
    watched.fault = (text) => (isWrite(text) ? 'answer_lost' : 'none');
    for (let time = 0; time < 20; time += 1) node.audit.record(event(tenant));
    await until(async () => (await countOf(tenant)) === 20);
    watched.fault = (text) => (isWrite(text) ? 'fails' : 'none');
    for (let time = 0; time < 20; time += 1) node.audit.record(event(tenant));
    await expect(node.audit.flush()).rejects.toMatchObject({ code: 'registry_stale' });
    expect(await countOf(tenant)).toBe(20);
    watched.fault = 'none';
    await until(async () => (await countOf(tenant)) === 40);
    await node.audit.flush();
    expect(await countOf(tenant)).toBe(40);
  });

  test('the queue is bounded: what cannot be audited is refused', async () => {
    const watched = new WatchedDatabase(made.database.connect());
    const node = await made.node({ admin: watched });
    const tenant = newTenantId();
    watched.fault = (text) => (isWrite(text) ? 'fails' : 'none');
    let recorded = 0;
    const fill = (): void => {
      for (; recorded < 20_000; recorded += 1) node.audit.record(event(tenant));
    };
    expect(fill).toThrow(expect.objectContaining({ code: 'registry_stale' }));
    expect(recorded).toBe(10_000);
    watched.fault = 'none';
    await node.audit.flush();
    expect(await countOf(tenant)).toBe(10_000);
    node.audit.record(event(tenant));
  });

  test("times are the database's, also from a node whose clock is wrong", async () => {
    const clock = new MovableClock();
    clock.jump(-365 * 86_400_000);
    const node = await made.node({ clock });
    const tenant = newTenantId();
    node.audit.record(event(tenant));
    await node.audit.flush();
    const [stored] = await node.audit.list({ tenant, limit: 1 });
    expect(Math.abs((stored?.at.getTime() ?? 0) - Date.now())).toBeLessThan(60_000);
  });
});

describeRegistry('operator tokens', (dialect) => {
  test('of nodes that start for the first time together one makes the token, and only its digest is kept', async () => {
    await using made = await makeRegistry(dialect);
    const nodes = await Promise.all(Array.from({ length: 6 }, () => made.node()));
    const tokens = (await Promise.all(nodes.map((node) => node.operators.ensure()))).filter(
      (token) => token !== undefined,
    );
    const [token] = tokens;
    if (token === undefined) throw new Error('no token');
    expect(tokens).toHaveLength(1);
    expect(token).toMatch(/^bho_[A-Za-z0-9_-]{43}$/);
    for (const node of nodes) expect(await node.operators.verify(token)).toBe(true);
    const { rows } = await made.database.admin.query(
      'select to_jsonb(t)::text as whole from bulkhead.operator_token t',
    );
    expect(JSON.stringify(rows)).not.toContain(token.slice(4));
  });

  test('nothing else is a token', async () => {
    await using made = await makeRegistry(dialect);
    const { operators } = made.registry;
    const token = await operators.ensure();
    for (const wrong of [
      '',
      'bho_',
      newOperatorToken(),
      token?.slice(0, -1) ?? '',
      `${token}A`,
      "' or true --".padEnd(47),
      'x'.repeat(10_000),
    ])
      expect(await operators.verify(wrong)).toBe(false);
  });

  test("an operator's own token replaces the one before", async () => {
    await using made = await makeRegistry(dialect);
    const { operators } = made.registry;
    const first = await operators.ensure();
    const own = 'a-token-of-the-operator-s-own-choice';
    await operators.accept(own);
    await operators.accept(own);
    expect(await operators.verify(own)).toBe(true);
    expect(await operators.verify(first ?? '')).toBe(false);
    expect(await operators.ensure()).toBeUndefined();
    await expect(operators.accept('short')).rejects.toMatchObject({ code: 'config_invalid' });
  });

  test('without the database nobody is the operator', async () => {
    await using made = await makeRegistry(dialect);
    const watched = new WatchedDatabase(made.database.connect());
    const node = await made.node({ admin: watched, answerTimeoutMs: 200 });
    const token = (await made.registry.operators.ensure()) ?? '';
    expect(await node.operators.verify(token)).toBe(true);
    for (const fault of ['fails', 'hangs'] as const) {
      watched.fault = fault;
      await expect(node.operators.verify(token)).rejects.toMatchObject({ code: 'registry_stale' });
    }
    watched.fault = 'none';
  });
});
