import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { systemClock } from '../../../src/core/clock.ts';
import { BulkheadError } from '../../../src/core/errors.ts';
import { createLifecycle } from '../../../src/lifecycle/create-lifecycle.ts';
import type { Lifecycle } from '../../../src/lifecycle/lifecycle.ts';
import {
  newTestDatabase,
  newTestNode,
  operator,
  type TestDatabase,
  type TestNode,
} from '../../support/node.ts';
import { describeWith } from '../../support/services.ts';
import { ShelfCompartment } from '../support/shelf.ts';
import { fill } from './support/fill.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

describeWith('postgres', 'an erasure that meets resistance', (url) => {
  let database: TestDatabase;
  let bed: TestNode;
  let shelf: ShelfCompartment;
  let lifecycle: Lifecycle;
  beforeAll(async () => {
    database = await newTestDatabase(url);
    bed = await newTestNode({ databaseUrl: database.url });
    const plan = await bed.node.registry.plans.read('enterprise');
    if (plan === undefined) throw new Error('no such plan');
    shelf = new ShelfCompartment('models', plan);
    const { registry, compartments } = bed.node;
    lifecycle = createLifecycle({ registry, compartments: [...compartments, shelf], clock: systemClock });
  });
  afterAll(async () => {
    await lifecycle.stopBackfill();
    await bed[Symbol.asyncDispose]();
    await database[Symbol.asyncDispose]();
  });

  test('is partial while a store is down, erases the others, and is complete when that is back', async () => {
    const slug = 'half-gone';
    const { tenant } = await lifecycle.create(
      { slug, name: 'X', plan: 'enterprise', isolation: 'schema' },
      operator,
    );
    await fill(bed.node, tenant.id, 2);
    let isDown = true;
    shelf.fault = (verb) => {
      if (isDown && verb === 'erase') throw new BulkheadError('compartment_unreachable');
    };
    const { receipt } = await lifecycle.erase({ tenant: tenant.id, confirm: slug }, operator);
    expect(receipt.state).toBe('partial');
    expect(receipt.places.filter(({ problem }) => problem !== null)).toMatchObject([
      { compartment: 'models', after: null, problem: 'compartment_unreachable' },
    ]);
    expect(receipt.places.find(({ compartment }) => compartment === 'rows')).toMatchObject({
      before: 2,
      after: 0,
    });
    expect(receipt.hunt.found.map(({ place }) => place)).toContain(`models shelf:schema/${tenant.id}`);
    expect((await lifecycle.erasureOf(tenant.id)).phase).toBe('partial');
    // The registry is last: until everything is gone the tenant is known, and known to leave.
    expect((await bed.node.registry.tenants.read(tenant.id))?.state).toBe('offboarding');
    await expect(lifecycle.reinstate(tenant.id, operator)).rejects.toMatchObject({
      code: 'operation_in_progress',
    });

    isDown = false;
    await database.root.query(
      `update bulkhead.operation set lease_until = now() - interval '1 s' where state = 'running'`,
    );
    await lifecycle.recover();
    const { phase, receipt: whole } = await lifecycle.erasureOf(tenant.id);
    expect(phase).toBe('complete');
    expect(whole?.receipt.places.every(({ after, problem }) => after === 0 && problem === null)).toBe(true);
    expect(whole?.receipt.places.find(({ compartment }) => compartment === 'rows')).toMatchObject({
      before: 2,
    });
    await expect(
      database.root.query(`update bulkhead.erasure_receipt set body = '{}' where tenant_id = $1`, [
        tenant.id,
      ]),
    ).rejects.toThrow(/stays as it is/);
  });

  test('drops a schema of 500 tables in batches that hold few locks', async () => {
    const tenant = await bed.tenant('schema');
    const schema = `tenant_${tenant.id.replaceAll('-', '')}`;
    await database.root.script(`do $$ begin
      for i in 1..500 loop
        execute format('create table ${schema}.extra_%s (id bigint primary key, body text)', i);
      end loop;
    end $$;
    insert into ${schema}.extra_7 values (1, 'x');`);
    let most = 0;
    let looks = 0;
    let done = false;
    const watching = (async () => {
      while (!done) {
        const { rows } = await database.root.query<{ n: number }>(
          `select count(*)::int as n from pg_locks l join pg_database d on d.oid = l.database
             where d.datname = current_database() and l.locktype = 'relation' and l.pid <> pg_backend_pid()`,
        );
        most = Math.max(most, rows[0]?.n ?? 0);
        looks += 1;
      }
    })();
    const { receipt } = await bed.node.lifecycle.erase({ tenant: tenant.id, confirm: tenant.slug }, operator);
    done = true;
    await watching;
    expect(receipt.state).toBe('complete');
    expect(receipt.places.find(({ compartment }) => compartment === 'rows')).toMatchObject({
      before: 1,
      after: 0,
    });
    expect(looks).toBeGreaterThan(5);
    // All at once they were 2,000: table, key, TOAST table and its index.
    expect(most).toBeLessThan(400);
  });
});
