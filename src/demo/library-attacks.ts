import { setTimeout as sleep } from 'node:timers/promises';
import type { Bulkhead } from '../bulkhead.ts';
import { isBulkheadError, type ErrorCode } from '../core/errors.ts';
import { clear, type Scope } from '../core/scope.ts';
import { held, leaked, type AttackLog, type Outcome } from './attack-log.ts';
import { demoActor, type DemoTenant } from './tenants.ts';
import type { StoredDocument } from './work.ts';

export interface Battlefield {
  readonly node: Bulkhead;
  readonly tenants: readonly DemoTenant[];
  readonly documents: ReadonlyMap<string, readonly StoredDocument[]>;
  readonly log: AttackLog;
  /** Told of each pair of tenants that is through. */
  readonly tried: () => void;
}

/** Each tenant against the next one, so that everybody attacks and everybody is attacked. */
export function ring(tenants: readonly DemoTenant[]): readonly (readonly [DemoTenant, DemoTenant])[] {
  return tenants.flatMap((attacker, index): readonly (readonly [DemoTenant, DemoTenant])[] => {
    const victim = tenants[(index + 1) % tenants.length];
    return victim === undefined || victim === attacker ? [] : [[attacker, victim]];
  });
}

/** What code of the application itself could do wrong, or be made to do. */
export async function attackLibrary(field: Battlefield): Promise<void> {
  for (const [attacker, victim] of ring(field.tenants)) {
    const stolen = field.documents.get(victim.name)?.[0];
    if (stolen !== undefined) await attackOne(field, { attacker, victim, stolen });
    field.tried();
  }
  await callWithoutScope(field);
  await callWithForgedScope(field);
  await keepScopeAfterSuspension(field);
  await interleave(field);
}

async function attackOne(
  { node, log }: Battlefield,
  { attacker, victim, stolen }: { attacker: DemoTenant; victim: DemoTenant; stolen: StoredDocument },
): Promise<void> {
  const documents = () => node.rows.current().table('documents');
  const asAttacker = <T>(work: () => Promise<T>): Promise<T> => node.run(attacker.tenant.id, work);
  await log.try('library', 'read another tenant’s document by its id', async () => {
    const row = await asAttacker(() => documents().findById(stolen.id));
    return row === undefined ? held : leaked('the document came back');
  });
  await log.try('library', 'change it', async () => {
    const row = await asAttacker(() => documents().update(stolen.id, { title: 'taken' }));
    return row === undefined ? held : leaked('the document was changed');
  });
  await log.try('library', 'delete it', async () =>
    (await asAttacker(() => documents().delete(stolen.id))) ? leaked('the document was deleted') : held,
  );
  await log.try('library', 'store a document in another tenant’s name', () =>
    mustThrow('value_invalid', () =>
      asAttacker(() => documents().create({ tenant_id: victim.tenant.id, title: 'x', content: 'x' })),
    ),
  );
  await log.try('library', 'the owner still has it, unchanged', async () => {
    const row = await node.run(victim.tenant.id, () => documents().findById(stolen.id));
    return row?.['title'] === '' && row['external_id'] === stolen.externalId
      ? held
      : leaked('it was changed or is gone');
  });
}

async function callWithoutScope({ node, log }: Battlefield): Promise<void> {
  await log.try('library', 'touch data with no tenant at all', () =>
    mustThrow('scope_missing', async () => clear(() => node.rows.current())),
  );
}

/** An object that looks like a scope, with somebody else's id in it. */
async function callWithForgedScope({ node, tenants, log }: Battlefield): Promise<void> {
  for (const [attacker, victim] of ring(tenants).slice(0, 4)) {
    const own = await node.scope(attacker.tenant.id, { actor: demoActor });
    const forged = { ...own, tenantId: victim.tenant.id } as Scope;
    await log.try('library', 'forge a scope for another tenant', () =>
      mustThrow('scope_missing', () => node.rows.open(forged)),
    );
  }
}

/** Permission is asked before every statement, not once at the door. */
async function keepScopeAfterSuspension({ node, tenants, log }: Battlefield): Promise<void> {
  const [first] = tenants;
  if (first === undefined) return;
  const kept = await node.scope(first.tenant.id, { actor: demoActor });
  await node.lifecycle.suspend(first.tenant.id, demoActor);
  await log.try('library', 'go on with a scope from before a suspension', () =>
    mustThrow('tenant_inactive', async () => {
      await using rows = await node.rows.open(kept);
      await rows.table('documents').count();
    }),
  );
  await node.lifecycle.resume(first.tenant.id, demoActor);
}

const interleaved = 200;

/** Everybody at once, each waiting at random moments: does anybody find himself in another's scope? */
async function interleave({ node, tenants, documents, log }: Battlefield): Promise<void> {
  const visit = async (index: number): Promise<void> => {
    const visitor = tenants[index % tenants.length];
    if (visitor === undefined) return;
    await log.try('library', `count one’s own among ${interleaved} requests at once`, () =>
      node.run(visitor.tenant.id, async (scope): Promise<Outcome> => {
        await sleep(Math.random() * 20);
        const count = await node.rows.current().table('documents').count();
        await sleep(Math.random() * 20);
        const right = scope.tenantId === visitor.tenant.id && count === documents.get(visitor.name)?.length;
        return right ? held : leaked(`saw ${count} documents`);
      }),
    );
  };
  await Promise.all(Array.from({ length: interleaved }, (_, index) => visit(index)));
}

async function mustThrow(code: ErrorCode, work: () => Promise<unknown>): Promise<Outcome> {
  try {
    await work();
  } catch (cause) {
    if (isBulkheadError(cause, code)) return held;
    throw cause;
  }
  return leaked('it was accepted');
}
