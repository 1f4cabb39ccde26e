import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LedgerRecord, UsageEvent, UsageFact } from '../../src/billing/ledger/event.ts';
import { readFrames, toFrame } from '../../src/billing/ledger/frames.ts';
import { Ledger } from '../../src/billing/ledger/ledger.ts';
import { toEvents } from '../../src/billing/ledger/merge.ts';
import { monthAt } from '../../src/billing/month.ts';
import { systemClock } from '../../src/core/clock.ts';
import { newTenantId, newUuid7, type TenantId } from '../../src/core/ids.ts';
import type { AdminDatabase } from '../../src/drivers/sql.ts';
import { describeRegistry, postgresDialect, WatchedDatabase } from '../registry/support.ts';
import { describeWith } from '../support/services.ts';
import { openBillingBed, type BillingBed } from './support/bed.ts';

const program = join(import.meta.dirname, 'support/ledger-process.ts');
const thisMonth = monthAt(Date.now());

function factOf(tenant: TenantId, amounts: UsageFact['amounts'], atMs = Date.now()): UsageFact {
  return { tenant, actor: { kind: 'key', id: 'k' }, atMs, requestId: newUuid7(), amounts };
}

describeWith('postgres', 'a process that is killed', (url) => {
  let bed: BillingBed;
  beforeAll(async () => {
    bed = await openBillingBed(postgresDialect(url));
  });
  afterAll(() => bed[Symbol.asyncDispose]());

  /** @returns what was acknowledged before the process died */
  async function recordUntilKilled(
    tenant: TenantId,
    afterMs: number,
  ): Promise<{ events: string[]; requests: string[] }> {
    const child = spawn(process.execPath, [program, bed.url, bed.folder, tenant], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    const begun = Promise.withResolvers<void>();
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      begun.resolve();
    });
    const ended = new Promise((resolve) => child.on('close', resolve));
    await begun.promise;
    await pause(afterMs);
    child.kill('SIGKILL');
    await ended;
    const named = (kind: string): string[] =>
      [...output.matchAll(new RegExp(`^${kind} (\\S+)\n`, 'gm'))].map(([, id = '']) => id);
    return { events: named('event'), requests: named('request') };
  }

  test('has lost nothing that it acknowledged, and nothing is counted twice', async () => {
    const tenant = await bed.tenant();
    const acknowledged = { events: [] as string[], requests: 0 };
    for (const afterMs of [30, 270, 610]) {
      const { events, requests } = await recordUntilKilled(tenant, afterMs);
      expect(events.length).toBeGreaterThan(0);
      acknowledged.events.push(...events);
      acknowledged.requests += requests.length;
    }
    // The next process on the folder, after three that died.
    const next = await bed.another();
    const lines = await next.lines(thisMonth, tenant);
    const { rows } = await bed.admin.query<{ id: string }>(
      `select id::text from bulkhead.usage_event where tenant_id = $1 and meter = 'test.events'`,
      [tenant],
    );
    const stored = new Set(rows.map(({ id }) => id));
    expect(acknowledged.events.filter((id) => !stored.has(id))).toEqual([]);
    const amountOf = (name: string): number => Number(lines.find(({ meter }) => meter === name)?.amount);
    expect(amountOf('test.events')).toBe(stored.size);
    // A request is counted after its event; eight were between the two when the process died, three times.
    expect(amountOf('requests')).toBeGreaterThanOrEqual(acknowledged.requests);
    expect(amountOf('requests')).toBeGreaterThanOrEqual(stored.size - 24);
    expect(amountOf('requests')).toBeLessThanOrEqual(stored.size);
  });
});

describeRegistry('the ledger without its database', (dialect) => {
  let bed: BillingBed;
  let watched: WatchedDatabase;
  let ledger: Ledger;
  let folder: string;
  beforeAll(async () => {
    bed = await openBillingBed(dialect);
    await bed.billing.prices.book();
    watched = new WatchedDatabase(bed.admin);
    folder = await mkdtemp(join(tmpdir(), 'bulkhead-ledger-'));
    ledger = await Ledger.open({ ...options(watched), folder });
  });
  afterAll(async () => {
    watched.fault = 'none';
    await ledger[Symbol.asyncDispose]();
    await bed[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  function options(admin: AdminDatabase): Omit<Parameters<typeof Ledger.open>[0], 'folder'> {
    return {
      admin,
      clock: systemClock,
      log: () => undefined,
      durability: 'written',
      retentionDays: 400,
    };
  }

  test.each(['fails', 'answer_lost'] as const)(
    'takes on, and counts once when it is back (%s)',
    async (fault) => {
      const tenant = await bed.tenant();
      watched.fault = (text) => (text.includes('usage_event') ? fault : 'none');
      for (let round = 0; round < 3; round += 1) {
        ledger.meter(
          factOf(tenant, [
            ['requests', 1],
            ['db.rows', 10],
          ]),
        );
        await expect(ledger.flush()).rejects.toThrow(/ECONN/);
      }
      expect(ledger.waiting.segments).toBeGreaterThan(0);
      watched.fault = 'none';
      await ledger.flush();
      expect(ledger.waiting).toEqual({ records: 0, segments: 0 });
      const lines = await bed.billing.lines(thisMonth, tenant);
      expect(lines.map(({ meter, amount }) => [meter, amount])).toEqual([
        ['db.rows', 30n],
        ['requests', 3n],
      ]);
    },
  );

  test('counts what is whole in a torn journal, and keeps a damaged one for whoever looks into it', async () => {
    const tenant = await bed.tenant();
    const left = await mkdtemp(join(tmpdir(), 'bulkhead-ledger-'));
    const slot = join(left, '0');
    await mkdir(slot);
    const frame = (): string => toFrame([{ kind: 'fact', fact: factOf(tenant, [['requests', 1]]) }]);
    await writeFile(join(slot, `${newUuid7()}.journal`), `${frame()}${frame()}${frame().slice(0, -9)}`);
    const damaged = `${newUuid7()}.journal`;
    await writeFile(join(slot, damaged), `${frame()}00000000 [{"f":[]}]\n${frame()}`);
    const recovered = await Ledger.open({ ...options(bed.admin), folder: left });
    await recovered.flush();
    expect((await bed.billing.lines(thisMonth, tenant)).map(({ amount }) => amount)).toEqual([4n]);
    expect((await readdir(slot)).filter((name) => name.includes('journal'))).toEqual([`${damaged}.damaged`]);
    await recovered[Symbol.asyncDispose]();
    await rm(left, { recursive: true });
  });

  test('refuses to take on what it cannot write down', async () => {
    const tenant = await bed.tenant();
    const gone = await mkdtemp(join(tmpdir(), 'bulkhead-ledger-'));
    const broken = await Ledger.open({ ...options(bed.admin), folder: gone });
    await rm(join(gone, '0'), { recursive: true });
    const event: UsageEvent = {
      id: newUuid7(),
      tenant,
      actor: { kind: 'key', id: 'k' },
      atMs: Date.now(),
      meter: 'test.x',
      amount: 1n,
      model: '',
      rate: '',
      costNanoUsd: 0n,
      priceVersion: undefined,
      requestId: undefined,
      callId: undefined,
      corrects: undefined,
    };
    await expect(broken.append([event])).rejects.toMatchObject({ code: 'ledger_unavailable' });
    expect(broken.isOpen).toBe(true);
    for (let request = 0; request < 10_001; request += 1) broken.meter(factOf(tenant, [['requests', 1]]));
    // Ten thousand wait in memory: from now on requests are refused before they are served.
    expect(broken.isOpen).toBe(false);
    await mkdir(join(gone, '0'));
    await broken.flush();
    expect(broken.isOpen).toBe(true);
    expect((await bed.billing.lines(thisMonth, tenant)).map(({ amount }) => amount)).toEqual([10_001n]);
    await broken[Symbol.asyncDispose]();
    await rm(gone, { recursive: true });
  });
});

describe('a frame', () => {
  const tenant = newTenantId();
  const fact: LedgerRecord = { kind: 'fact', fact: factOf(tenant, [['requests', 1]]) };

  test('is read back as it was written, and not where a byte of it is different', () => {
    const text = toFrame([fact, fact]);
    expect(readFrames(text)).toEqual({ records: [fact, fact], damaged: 0 });
    for (let at = 0; at < text.length - 1; at += 7) {
      const altered = `${text.slice(0, at)}${text.charAt(at) === 'x' ? 'y' : 'x'}${text.slice(at + 1)}`;
      expect(readFrames(`${altered}${text}`)).toEqual({ records: [fact, fact], damaged: 1 });
    }
  });

  test('facts of a segment are merged into the same events, whenever it is read', () => {
    const at = Date.UTC(2026, 10, 29, 12);
    const facts = [0, 1, 2, 900_000].map((later): LedgerRecord => ({
      kind: 'fact',
      fact: factOf(tenant, [['requests', 2]], at + later),
    }));
    const events = toEvents('segment', facts);
    expect(events.map(({ amount }) => amount)).toEqual([6n, 2n]);
    expect(toEvents('segment', facts)).toEqual(events);
    expect(toEvents('another', facts).map(({ id }) => id)).not.toEqual(events.map(({ id }) => id));
  });
});
