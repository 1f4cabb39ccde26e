import type { Census, Compartment, ExportRecord, Usage } from '../core/compartment.ts';
import { systemClock } from '../core/clock.ts';
import { newRequestId, newTenantId, type TenantId } from '../core/ids.ts';
import type { Isolation, Placement } from '../core/placement.ts';
import type { Plan } from '../core/plan.ts';
import { relocateAtOnce } from '../core/relocation.ts';
import { openScope, type Scope } from '../core/scope.ts';

/** The part of a test runner that the suite needs; `{ test, expect }` of vitest or jest fits. */
export interface TestApi {
  test(name: string, body: () => Promise<void>): void;
  /** Throws where the two differ, by deep equality. */
  equal(actual: unknown, expected: unknown): void;
}

/** What the suite is run against. */
export interface ConformanceSubject<Handle extends AsyncDisposable> {
  readonly compartment: Compartment<Handle>;
  readonly plan: Plan;
  readonly isolation: Isolation;
  /** Makes the tenant known to whatever the compartment asks about tenants; nothing to do for one that asks nobody. */
  readonly enroll: (tenant: TenantId, isolation: Isolation) => Promise<void>;
  /** Writes a few things through an open handle. @returns how many records an export must then hold */
  readonly fill: (handle: Handle) => Promise<number>;
  /** @returns how many of them the handle can see */
  readonly count: (handle: Handle) => Promise<number>;
}

/**
 * The guarantees of the compartment interface, each verb exercised, on whatever store `make` gives.
 * Every test makes tenants of its own and leaves nothing.
 */
export function describeCompartment<Handle extends AsyncDisposable>(
  api: TestApi,
  make: () => ConformanceSubject<Handle>,
): void {
  const suite = { api, make };
  provisioning(suite);
  sealing(suite);
  copying(suite);
  erasing(suite);
  probing(suite);
}

interface Suite<Handle extends AsyncDisposable> {
  readonly api: TestApi;
  readonly make: () => ConformanceSubject<Handle>;
}

function provisioning<H extends AsyncDisposable>({ api, make }: Suite<H>): void {
  api.test('what one tenant writes it reads, and its neighbour does not', async () => {
    const subject = make();
    await using pair = await twoTenants(subject);
    const written = await withHandle(subject, pair.a, subject.fill);
    api.equal(await withHandle(subject, pair.a, subject.count), written);
    api.equal(await withHandle(subject, pair.b, subject.count), 0);
  });

  api.test('provisioning twice is provisioning once', async () => {
    const subject = make();
    await using pair = await twoTenants(subject);
    const written = await withHandle(subject, pair.a, subject.fill);
    await subject.compartment.provision(pair.a.placement, subject.plan);
    api.equal(await withHandle(subject, pair.a, subject.count), written);
  });

  api.test(
    'usage grows with what is written, for the writer alone, and every line says amount and unit',
    async () => {
      const subject = make();
      await using pair = await twoTenants(subject);
      const before = await subject.compartment.usage(pair.a.placement);
      await withHandle(subject, pair.a, subject.fill);
      const after = await subject.compartment.usage(pair.a.placement);
      api.equal(total(after) > total(before), true);
      api.equal(total(await subject.compartment.usage(pair.b.placement)), total(before));
      api.equal(
        after.every(({ resource, unit }) => resource !== '' && unit !== undefined),
        true,
      );
    },
  );

  api.test('a look-alike of a scope opens nothing', async () => {
    const subject = make();
    await using pair = await twoTenants(subject);
    api.equal(await refused(() => subject.compartment.open({ ...pair.a.scope })), 'scope_missing');
  });
}

function sealing<H extends AsyncDisposable>({ api, make }: Suite<H>): void {
  api.test(
    'a sealed tenant is refused by the store itself, also through a handle that was open; open again, nothing is lost',
    async () => {
      const subject = make();
      const { compartment } = subject;
      await using pair = await twoTenants(subject);
      const written = await withHandle(subject, pair.a, subject.fill);
      await using held = await compartment.open(pair.a.scope);
      api.equal(await subject.count(held), written);
      await compartment.seal(pair.a.placement, 'sealed');
      api.equal((await refused(() => subject.count(held))) !== undefined, true);
      api.equal((await refused(() => withHandle(subject, pair.a, subject.count))) !== undefined, true);
      api.equal(await withHandle(subject, pair.b, subject.count), 0);
      await compartment.seal(pair.a.placement, 'open');
      api.equal(await withHandle(subject, pair.a, subject.count), written);
    },
  );
}

function copying<H extends AsyncDisposable>({ api, make }: Suite<H>): void {
  api.test(
    'an export holds every record and no tenant id; imported elsewhere it has the same hashes',
    async () => {
      const subject = make();
      const { compartment } = subject;
      await using pair = await twoTenants(subject);
      const written = await withHandle(subject, pair.a, subject.fill);
      const records = await collect(compartment.export(pair.a.placement));
      api.equal(records.length, written);
      api.equal(JSON.stringify(records).includes(pair.a.scope.tenantId), false);
      const first = await compartment.import(pair.b.placement, replay(records));
      api.equal(first.imported, BigInt(written));
      api.equal(await withHandle(subject, pair.b, subject.count), written);
      // The same step again, as after a crash.
      const second = await compartment.import(pair.b.placement, replay(records));
      api.equal(second.hashes, first.hashes);
      api.equal(await withHandle(subject, pair.b, subject.count), written);
    },
  );

  api.test('a moved tenant is whole at its target and gone from its source', async () => {
    const subject = make();
    const { compartment } = subject;
    await using pair = await twoTenants(subject);
    await using target = await newTenant(subject);
    const written = await withHandle(subject, pair.a, subject.fill);
    await compartment.seal(target.placement, 'sealed');
    const relocation = compartment.move(pair.a.placement, target.placement);
    const { counts } = await relocateAtOnce(relocation);
    api.equal(
      Object.values(counts).reduce((sum, count) => sum + count, 0n),
      BigInt(written),
    );
    api.equal(await withHandle(subject, target, subject.count), written);
    api.equal((await refused(() => withHandle(subject, pair.a, subject.count))) !== undefined, true);
    api.equal(await withHandle(subject, pair.b, subject.count), 0);
  });
}

function erasing<H extends AsyncDisposable>({ api, make }: Suite<H>): void {
  api.test(
    'a census finds both, erasing one tenant leaves nothing of it and all of its neighbour, and can be repeated',
    async () => {
      const subject = make();
      const { compartment } = subject;
      await using pair = await twoTenants(subject);
      const written = await withHandle(subject, pair.a, subject.fill);
      const kept = await withHandle(subject, pair.b, subject.fill);
      const tenants = [pair.a.scope.tenantId, pair.b.scope.tenantId];
      const before = await compartment.census(tenants);
      api.equal(before.notSeen, []);
      api.equal(
        placesOf(before).toSorted(),
        [pair.a, pair.b].map(({ placement }) => placeOf(placement)).toSorted(),
      );
      api.equal(
        before.residents.every(({ records }) => records >= BigInt(written)),
        true,
      );
      const receipt = await compartment.erase(pair.a.placement);
      api.equal(receipt.left, 0n);
      api.equal(placesOf(await compartment.census(tenants)), [placeOf(pair.b.placement)]);
      const everyone = placesOf(await compartment.census('everyone'));
      api.equal(everyone.includes(placeOf(pair.b.placement)), true);
      api.equal(everyone.includes(placeOf(pair.a.placement)), false);
      api.equal(receipt.removed >= BigInt(written), true);
      api.equal((await refused(() => withHandle(subject, pair.a, subject.count))) !== undefined, true);
      api.equal(await withHandle(subject, pair.b, subject.count), kept);
      const again = await compartment.erase(pair.a.placement);
      api.equal([again.removed, again.left], [0n, 0n]);
    },
  );
}

function placeOf({ tenant, container }: Placement): string {
  return `${tenant} ${container}`;
}

function placesOf({ residents }: Census): readonly string[] {
  return residents.map(({ placement }) => placeOf(placement));
}

function probing<H extends AsyncDisposable>({ api, make }: Suite<H>): void {
  api.test('its own probes attack it, and it holds', async () => {
    const subject = make();
    await using pair = await twoTenants(subject);
    const findings = await subject.compartment.probe({
      attacker: pair.a.scope,
      victim: pair.b.scope,
      clock: systemClock,
    });
    api.equal(findings.length > 0, true);
    api.equal(
      findings.filter(({ result }) => result !== 'held'),
      [],
    );
  });
}

interface TestTenant extends AsyncDisposable {
  readonly scope: Scope;
  readonly placement: Placement;
}

async function newTenant<H extends AsyncDisposable>(subject: ConformanceSubject<H>): Promise<TestTenant> {
  const { compartment, plan, isolation } = subject;
  const tenant = newTenantId();
  await subject.enroll(tenant, isolation);
  const placement = await compartment.place({
    tenant,
    isolation,
    region: undefined,
    plan,
    server: undefined,
  });
  await compartment.provision(placement, plan);
  const scope = openScope({
    tenantId: tenant,
    tenantSlug: 'conformance',
    tenantName: 'Conformance',
    plan: plan.id,
    region: undefined,
    features: [],
    isolationLevel: isolation,
    encryptionKeyId: 'conformance',
    isActive: true,
    actor: { kind: 'system', id: 'conformance' },
    requestId: newRequestId(),
    signal: new AbortController().signal,
    placements: [placement],
    governor: plan.governor,
    epoch: 1,
  });
  return { scope, placement, [Symbol.asyncDispose]: async () => void (await compartment.erase(placement)) };
}

async function twoTenants<H extends AsyncDisposable>(
  subject: ConformanceSubject<H>,
): Promise<AsyncDisposable & { readonly a: TestTenant; readonly b: TestTenant }> {
  const a = await newTenant(subject);
  const b = await newTenant(subject);
  return {
    a,
    b,
    async [Symbol.asyncDispose]() {
      await a[Symbol.asyncDispose]();
      await b[Symbol.asyncDispose]();
    },
  };
}

async function withHandle<H extends AsyncDisposable, T>(
  subject: ConformanceSubject<H>,
  tenant: TestTenant,
  work: (handle: H) => Promise<T>,
): Promise<T> {
  await using handle = await subject.compartment.open(tenant.scope);
  return await work(handle);
}

/** @returns the error's code, or undefined where nothing was refused */
async function refused(work: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await work();
    return undefined;
  } catch (cause) {
    return cause instanceof Error && 'code' in cause ? String(cause.code) : 'error';
  }
}

async function collect(records: AsyncIterable<ExportRecord>): Promise<readonly ExportRecord[]> {
  const all: ExportRecord[] = [];
  for await (const record of records) all.push(record);
  return all;
}

async function* replay(records: readonly ExportRecord[]): AsyncGenerator<ExportRecord> {
  yield* records;
}

function total(usage: readonly Usage[]): bigint {
  return usage.reduce((sum, { amount }) => sum + amount, 0n);
}
