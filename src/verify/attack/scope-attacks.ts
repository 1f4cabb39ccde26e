import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { isBulkheadError } from '../../core/errors.ts';
import { bindEmitter, bindScope, clear, getCurrentTenant, peekScope, type Scope } from '../../core/scope.ts';
import { held, leaked, notCovered, type AttackCase, type Duel, type Outcome } from './attack-case.ts';
import { all, mustThrow, storm } from './expect.ts';
import { attackActor } from './node.ts';

/** What code of the application could lose, cross or forge: the context of a request. */
export const scopeAttacks: readonly AttackCase[] = [
  {
    id: 'scope/none',
    attacks: ['A56'],
    how: 'data is asked for outside every scope; there must be no default tenant',
    run: ({ node }) =>
      all([
        () => mustThrow('scope_missing', () => clear(() => node.rows.current())),
        () => mustThrow('scope_missing', () => clear(() => getCurrentTenant())),
        () => mustThrow('scope_missing', () => node.rows.open(undefined as unknown as Scope)),
      ]),
  },
  {
    id: 'scope/look-alike',
    attacks: ['A56'],
    how: 'an object with the victim’s id and every other field of a scope is passed to every compartment',
    async run({ node, attacker, victim }) {
      const own = await node.scope(attacker.tenant.id, { actor: attackActor });
      const forged = { ...own, tenantId: victim.tenant.id } as Scope;
      return await all(
        node.compartments.map(
          (compartment) => () => mustThrow('scope_missing', () => compartment.open(forged)),
        ),
      );
    },
  },
  {
    id: 'scope/frozen',
    attacks: ['A58'],
    how: 'the tenant, placements and features of an open scope are changed under it',
    async run({ node, attacker, victim }) {
      const scope = await node.scope(attacker.tenant.id, { actor: attackActor });
      const changes: readonly (() => unknown)[] = [
        () => Object.assign(scope, { tenantId: victim.tenant.id }),
        () => Object.assign(scope.placements[0] ?? {}, { container: 'main:shared' }),
        () => (scope.features as Set<string>).add('everything'),
        () => Object.defineProperty(scope, 'tenantId', { value: victim.tenant.id }),
      ];
      const before = JSON.stringify([scope.tenantId, scope.placements, [...scope.features]]);
      for (const change of changes) swallow(change);
      const after = JSON.stringify([scope.tenantId, scope.placements, [...scope.features]]);
      return before === after ? held(changes.length) : leaked('a scope was changed after it was opened');
    },
  },
  {
    id: 'scope/interleaved',
    attacks: ['A56', 'A57'],
    how: 'requests of both tenants run at once, each waiting at random moments, and look where they are and what they see',
    run: (duel) => storm(duel.storm, (index) => visit(duel, index)),
  },
  {
    id: 'scope/callbacks',
    attacks: ['A56'],
    how: 'callbacks, listeners and timers of one tenant are set off inside the other’s scope',
    run: callbacks,
  },
  {
    id: 'scope/afterwards',
    attacks: ['A56', 'A57'],
    how: 'after a request that succeeded, one that failed and one that was cancelled, nothing of it may be left',
    async run({ node, attacker }) {
      const { id } = attacker.tenant;
      return await clear(async () => {
        await node.run(id, async () => await sleep(1));
        if (peekScope() !== undefined) return leaked('a scope outlived its request');
        await node.run(id, () => Promise.reject(new Error('fails'))).catch(() => undefined);
        if (peekScope() !== undefined) return leaked('a scope outlived a request that failed');
        return await mustThrow('scope_missing', () => node.rows.current());
      });
    },
  },
  {
    id: 'scope/suspended-meanwhile',
    attacks: ['A58'],
    how: 'a scope from before a suspension goes on to be used',
    run: suspendedMeanwhile,
  },
  {
    id: 'scope/foreign-rows',
    attacks: ['A64', 'A7'],
    how: 'the victim’s document is read, changed, deleted and counted through the library, and one is stored in its name',
    run: foreignRows,
  },
];

function swallow(change: () => unknown): void {
  try {
    change();
  } catch {
    // Refused by throwing; what counts is whether it took.
  }
}

async function visit({ node, attacker, victim }: Duel, index: number): Promise<string | undefined> {
  const own = index % 2 === 0 ? attacker : victim;
  return await node.run(own.tenant.id, async (scope) => {
    await sleep(Math.random() * 8);
    const { rows } = await node.rows.current().table('documents').findAll({ limit: 50 });
    await sleep(Math.random() * 4);
    if (scope.tenantId !== own.tenant.id || peekScope()?.tenantId !== own.tenant.id)
      return 'a request was in another tenant’s scope';
    const foreign = own === attacker ? victim : attacker;
    if (rows.some(({ id }) => id === foreign.planted.document))
      return 'a request saw the other tenant’s document';
    return rows.some(({ id }) => id === own.planted.document)
      ? undefined
      : 'a request did not see its own document';
  });
}

async function callbacks({ node, attacker, victim }: Duel): Promise<Outcome> {
  const emitter = new EventEmitter();
  const seen: (string | undefined)[] = [];
  const look = (): void => void seen.push(peekScope()?.tenantId);
  const bound = await node.run(victim.tenant.id, async () => {
    bindEmitter(emitter).on('done', look);
    return bindScope(look);
  });
  await node.run(attacker.tenant.id, async () => {
    bound();
    emitter.emit('done');
    await new Promise((resolve) => setImmediate(resolve));
    look();
  });
  const expected = [victim.tenant.id, victim.tenant.id, attacker.tenant.id];
  return seen.every((id, index) => id === expected[index]) && seen.length === expected.length
    ? held(seen.length)
    : leaked('a callback ran in the scope of whoever set it off');
}

async function suspendedMeanwhile({ node, guest, erase }: Duel): Promise<Outcome> {
  if (guest === undefined) return notCovered('tenants of one’s own are not suspended for a check');
  const tenant = await guest();
  try {
    const kept = await node.scope(tenant.id, { actor: attackActor });
    await using rows = await node.rows.open(kept);
    await rows.table('documents').count();
    await node.registry.tenants.transition(tenant.id, 'suspended', attackActor);
    return await mustThrow('tenant_inactive', () => rows.table('documents').count());
  } finally {
    await erase(tenant);
  }
}

async function foreignRows({ node, attacker, victim }: Duel): Promise<Outcome> {
  const { document } = victim.planted;
  const attempts: readonly (() => Promise<string | undefined>)[] = [
    async () => ((await documents().findById(document)) === undefined ? undefined : 'it was read'),
    async () =>
      (await documents().update(document, { title: 'taken' })) === undefined ? undefined : 'it was changed',
    async () => ((await documents().delete(document)) ? 'it was deleted' : undefined),
    async () => {
      try {
        const row = await documents().create({ tenant_id: victim.tenant.id, title: 'x', content: 'x' });
        await documents().delete(String(row['id']));
        return 'a document was stored in the victim’s name';
      } catch (cause) {
        if (isBulkheadError(cause, 'value_invalid')) return undefined;
        throw cause;
      }
    },
  ];
  const documents = () => node.rows.current().table('documents');
  for (const attempt of attempts) {
    const problem = await node.run(attacker.tenant.id, attempt);
    if (problem !== undefined) return leaked(problem);
  }
  const kept = await node.run(victim.tenant.id, () => documents().findById(document));
  return kept?.['title'] === 'canary'
    ? held(attempts.length)
    : leaked('its owner does not find it as it was');
}
