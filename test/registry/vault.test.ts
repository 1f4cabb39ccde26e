import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Registry } from '../../src/registry/registry.ts';
import { describeRegistry, makeRegistry, masterKey, openNode, type TestRegistry } from './support.ts';

const secret = 'postgres://owner:s3cret-pässword@db.internal/x';

describeRegistry('the vault', (dialect) => {
  let made: TestRegistry;
  let registry: Registry;
  beforeAll(async () => {
    made = await makeRegistry(dialect);
    ({ registry } = made);
  });
  afterAll(() => made[Symbol.asyncDispose]());

  const sql = (text: string, values: readonly unknown[] = []) => made.database.admin.query(text, values);

  test.each(['', secret, '\u0000\u{1F511}', 'x'.repeat(100_000)])(
    'what is put in comes out',
    async (text) => {
      await registry.vault.put('server:a', 'url', text);
      expect(await registry.vault.get('server:a', 'url')).toBe(text);
    },
  );

  test('nothing readable is stored, and the same secret never looks the same', async () => {
    const seen = new Set<string>();
    for (let time = 0; time < 20; time += 1) {
      await registry.vault.put('server:b', 'url', secret);
      const { rows } =
        await sql(`select encode(nonce, 'hex') as nonce, encode(sealed, 'hex') as sealed, to_jsonb(c)::text as whole
        from bulkhead.credential c where owner = 'server:b'`);
      seen.add(String(rows[0]?.['nonce'])).add(String(rows[0]?.['sealed']));
      expect(rows[0]?.['whole']).not.toContain('s3cret');
      expect(Buffer.from(String(rows[0]?.['sealed']), 'hex').toString('latin1')).not.toContain('s3cret');
    }
    expect(seen.size).toBe(40);
  });

  test('another master key reads nothing, and the error tells nothing', async () => {
    await registry.vault.put('server:c', 'url', secret);
    const stranger = await openNode(made.database.admin, { masterKey: randomBytes(32) });
    const error: unknown = await stranger.vault.get('server:c', 'url').catch((cause: unknown) => cause);
    expect(error).toMatchObject({
      code: 'credential_unreadable',
      detail: { owner: 'server:c', purpose: 'url' },
    });
    expect(inspect(error, { depth: 10 })).not.toContain('s3cret');
    await stranger.close();
  });

  test.each([
    ['moved to another owner', `owner = 'server:z'`, 'server:z', 'url'],
    ['moved to another purpose', `purpose = 'other'`, 'server:d', 'other'],
    ['with another nonce', `nonce = decode('000000000000000000000000', 'hex')`, 'server:d', 'url'],
    ['with a flipped bit', `sealed = set_bit(sealed, 3, 1 - get_bit(sealed, 3))`, 'server:d', 'url'],
    [
      'with a flipped bit in its tag',
      `sealed = set_bit(sealed, 300, 1 - get_bit(sealed, 300))`,
      'server:d',
      'url',
    ],
    ['cut short', `sealed = substring(sealed from 1 for 5)`, 'server:d', 'url'],
    ['said to be of another key', `key_id = 'ffffffffffffffff'`, 'server:d', 'url'],
  ])('a secret %s is unreadable, not garbage', async (_how, change, owner, purpose) => {
    await registry.vault.drop('server:d');
    await registry.vault.drop('server:z');
    await registry.vault.put('server:d', 'url', secret);
    expect(await registry.vault.get('server:d', 'url')).toBe(secret);
    await sql(`update bulkhead.credential set ${change} where owner = 'server:d'`);
    await expect(registry.vault.get(owner, purpose)).rejects.toMatchObject({ code: 'credential_unreadable' });
  });

  test('owner and purpose are told apart also where their texts run together', async () => {
    await registry.vault.put('ab', 'c', secret);
    await sql(`update bulkhead.credential set owner = 'a', purpose = 'bc' where owner = 'ab'`);
    await expect(registry.vault.get('a', 'bc')).rejects.toMatchObject({ code: 'credential_unreadable' });
  });

  test('a master key is replaced without a moment in which a secret cannot be read', async () => {
    await using own = await makeRegistry(dialect);
    await own.registry.vault.put('server:e', 'url', secret);
    await own.registry.vault.put('server:f', 'url', 'two');
    const next = randomBytes(32);
    const both = await own.node({ masterKey: next, previousMasterKeys: [masterKey] });
    expect(await both.vault.get('server:e', 'url')).toBe(secret);
    expect(await both.vault.reseal()).toBe(2);
    expect(await both.vault.reseal()).toBe(0);
    const after = await own.node({ masterKey: next });
    expect(await after.vault.get('server:e', 'url')).toBe(secret);
    expect(await after.vault.get('server:f', 'url')).toBe('two');
    await expect(own.registry.vault.get('server:e', 'url')).rejects.toMatchObject({
      code: 'credential_unreadable',
    });
  });

  test('of many who put a secret once, all get the same one', async () => {
    const kept = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        registry.vault.putOnce('tenant-1', 'password', `password ${index}`),
      ),
    );
    expect(new Set(kept).size).toBe(1);
    expect(await registry.vault.get('tenant-1', 'password')).toBe(kept[0]);
  });

  test("dropping an owner drops all of its secrets and nobody else's", async () => {
    await registry.vault.put('tenant-2', 'password', 'a');
    await registry.vault.put('tenant-2', 'other', 'b');
    await registry.vault.put('tenant-22', 'password', 'c');
    expect(await registry.vault.drop('tenant-2')).toBe(2);
    expect(await registry.vault.drop('tenant-2')).toBe(0);
    expect(await registry.vault.get('tenant-2', 'password')).toBeUndefined();
    expect(await registry.vault.get('tenant-22', 'password')).toBe('c');
  });

  test('a master key of another length than 32 bytes is refused at the start', async () => {
    await expect(openNode(made.database.admin, { masterKey: randomBytes(31) })).rejects.toMatchObject({
      code: 'config_invalid',
    });
  });
});
