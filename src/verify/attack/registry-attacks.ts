import { randomUUID } from 'node:crypto';
import { isBulkheadError } from '../../core/errors.ts';
import type { Tenant } from '../../core/tenant.ts';
import { held, leaked, notCovered, type AttackCase, type Duel, type Outcome } from './attack-case.ts';
import { mustThrow } from './expect.ts';
import { attackActor, type AttackedNode } from './node.ts';

/** Keys, names, secrets, settings and trails of the control plane: whose they are, and for how long. */
export const registryAttacks: readonly AttackCase[] = [
  {
    id: 'registry/altered-keys',
    attacks: ['A63'],
    how: 'keys with one character changed, cut short, lengthened, and with the public part of one and the secret of the other',
    run: alteredKeys,
  },
  {
    id: 'registry/key-of-whom',
    attacks: ['A63'],
    how: 'a genuine key must name its own tenant and no other',
    async run({ node, attacker, victim }) {
      for (const side of [attacker, victim]) {
        const verdict = await node.registry.keys.verify(side.key.secret);
        if (verdict.kind !== 'allowed') return leaked('a genuine key was refused');
        if (verdict.value.tenant !== side.tenant.id) return leaked('a key named another tenant');
      }
      return held(2);
    },
  },
  {
    id: 'registry/revoked-key',
    attacks: ['A63'],
    how: 'a key is used after it was revoked, with whatever a cache remembers of it',
    async run({ node, attacker }) {
      const { keys } = node.registry;
      const tenant = attacker.tenant.id;
      const { key, secret } = await keys.issue(
        { tenant, name: 'verify', expiresAt: new Date(node.clock.nowMs() + 600_000) },
        attackActor,
      );
      if ((await keys.verify(secret)).kind !== 'allowed') return leaked('a fresh key was refused');
      await keys.revoke({ tenant, id: key.id }, attackActor);
      return (await keys.verify(secret)).kind === 'refused' ? held(1) : leaked('a revoked key still opens');
    },
  },
  {
    id: 'registry/suspended',
    attacks: ['A58'],
    how: 'a suspended tenant is asked for by id and by name, past every cache',
    run: suspended,
  },
  {
    id: 'registry/erased-tenant',
    attacks: ['A63', 'A74'],
    how: 'after a tenant is erased: its key, its id and its name are tried, and its name is wanted for another tenant',
    run: erasedTenant,
  },
  {
    id: 'registry/keys-of-others',
    attacks: ['A64'],
    how: 'the victim’s key is revoked and rotated in the attacker’s name',
    async run({ node, attacker, victim }) {
      const { keys } = node.registry;
      const input = { tenant: attacker.tenant.id, id: (await keys.list(victim.tenant.id))[0]?.id };
      if (input.id === undefined) return notCovered('the victim has no key');
      const { id } = input;
      const revoked = await mustThrow('not_found', () =>
        keys.revoke({ tenant: attacker.tenant.id, id }, attackActor),
      );
      if (revoked.result !== 'held') return revoked;
      const listed = await keys.list(attacker.tenant.id);
      return listed.some((key) => key.id === id || key.tenant !== attacker.tenant.id)
        ? leaked('a list of keys holds the victim’s')
        : held(2);
    },
  },
  {
    id: 'registry/secrets',
    attacks: ['A80'],
    how: 'a secret that only the victim has is asked for in the attacker’s name: there must be nothing to fall back to',
    async run({ node, attacker, victim }) {
      const { vault } = node.registry;
      const purpose = `verify-${randomUUID()}`;
      const owner = `verify:${victim.tenant.id}`;
      await vault.put(owner, purpose, randomUUID());
      try {
        const found = await vault.get(`verify:${attacker.tenant.id}`, purpose);
        return found === undefined ? held(1) : leaked('a secret of the victim, or of nobody, was handed out');
      } finally {
        await vault.drop(owner);
      }
    },
  },
  {
    id: 'registry/settings',
    attacks: ['A80'],
    how: 'a setting that only the victim has is read in the attacker’s name',
    async run({ node, attacker, victim }) {
      const { settings } = node.registry;
      const key = `verify.${randomUUID().slice(0, 8)}`;
      await settings.set(victim.tenant.id, key, 'theirs', attackActor);
      try {
        const seen = [
          await settings.get(attacker.tenant.id, key),
          (await settings.all(attacker.tenant.id))[key]?.value,
        ];
        return seen.some((value) => value !== undefined) ? leaked('the victim’s setting was read') : held(2);
      } finally {
        await settings.unset(victim.tenant.id, key, attackActor);
      }
    },
  },
  {
    id: 'registry/trail',
    attacks: ['A64', 'A72'],
    how: 'the attacker’s audit trail and operations are read: none of the victim’s may stand there',
    async run({ node, attacker, victim }) {
      const { audit, operations } = node.registry;
      await audit.flush();
      const events = await audit.list({ tenant: attacker.tenant.id, limit: 1_000 });
      if (events.some(({ tenant }) => tenant !== attacker.tenant.id))
        return leaked('an event of another tenant stands in the trail');
      const begun = await operations.list({ tenant: attacker.tenant.id, limit: 100 });
      return begun.some(({ tenant }) => tenant === victim.tenant.id)
        ? leaked('an operation of the victim is listed')
        : held(2);
    },
  },
  {
    id: 'registry/metering',
    attacks: ['A83'],
    how: 'the attacker writes while its values claim the victim; what is counted must be the attacker’s',
    run: metering,
  },
];

async function alteredKeys({ node, attacker, victim }: Duel): Promise<Outcome> {
  const [mine, theirs] = [attacker.key.secret, victim.key.secret];
  const [head = '', id = '', ...rest] = theirs.split('_');
  const secret = rest.join('_');
  const tail = secret.at(-2) === 'A' ? 'B' : 'A';
  const altered = [
    theirs.slice(0, -2) + tail + theirs.slice(-1),
    `${head}_${id}_${secret.slice(0, 8)}${'A'.repeat(secret.length - 8)}`,
    theirs.slice(0, -1),
    theirs.slice(0, theirs.length / 2),
    `${theirs}A`,
    `${head}_${id}_${mine.split('_').slice(2).join('_')}`,
    `${head}_${mine.split('_')[1] ?? ''}_${secret}`,
    theirs.toUpperCase(),
    `${head}_${id}_`,
  ];
  for (const candidate of altered) {
    const verdict = await node.registry.keys.verify(candidate);
    if (verdict.kind === 'allowed') return leaked('an altered key was accepted');
  }
  return held(altered.length);
}

async function isServed(node: AttackedNode, named: string): Promise<boolean> {
  try {
    await node.run(named, () => node.rows.current().table('documents').count());
    return true;
  } catch (cause) {
    if (isBulkheadError(cause) && (cause.code === 'tenant_inactive' || cause.code === 'tenant_not_found'))
      return false;
    throw cause;
  }
}

async function suspended({ node, guest, erase }: Duel): Promise<Outcome> {
  if (guest === undefined) return notCovered('tenants of one’s own are not suspended for a check');
  const tenant = await guest();
  try {
    if (!(await isServed(node, tenant.id))) return leaked('an active tenant was refused');
    await node.registry.tenants.transition(tenant.id, 'suspended', attackActor);
    for (const named of [tenant.id, tenant.slug])
      if (await isServed(node, named)) return leaked('a suspended tenant was served');
    return held(2);
  } finally {
    await erase(tenant);
  }
}

async function erasedTenant({ node, guest, erase }: Duel): Promise<Outcome> {
  if (guest === undefined) return notCovered('tenants of one’s own are not erased for a check');
  const tenant = await guest();
  const { secret } = await node.registry.keys.issue(
    { tenant: tenant.id, name: 'verify', expiresAt: undefined },
    attackActor,
  );
  await node.registry.keys.verify(secret);
  await node.run(tenant.id, () => node.rows.current().table('documents').count());
  await erase(tenant);
  for (const named of [tenant.id, tenant.slug])
    if (await isServed(node, named)) return leaked('an erased tenant was served');
  const verdict = await node.registry.keys.verify(secret);
  if (
    verdict.kind === 'allowed' &&
    (await node.registry.directory.byId(verdict.value.tenant))?.state === 'active'
  )
    return leaked('the key of an erased tenant opens a tenant');
  return await mustThrow('slug_taken', () => insertAgain(node, tenant));
}

/** As `create` would: the name of a tenant that is gone, for one that is new. */
async function insertAgain({ registry }: AttackedNode, { slug, plan, isolation }: Tenant): Promise<void> {
  const id = randomUUID() as Tenant['id'];
  const taken = { id, slug, name: 'Verify', plan, isolation, features: [], settings: {} };
  await registry.tenants.insert({ ...taken, region: undefined, parent: undefined }, attackActor);
  await registry.tenants.transition(id, 'erased', attackActor);
}

/** On tenants of its own where it may make some: others write while this is counted. */
async function metering(duel: Duel): Promise<Outcome> {
  const { guest, erase } = duel;
  if (guest === undefined) return await meter(duel.node, [duel.attacker.tenant, duel.victim.tenant]);
  const pair = [await guest(), await guest()] as const;
  try {
    return await meter(duel.node, pair);
  } finally {
    for (const tenant of pair) await erase(tenant);
  }
}

async function meter(node: AttackedNode, [attacker, victim]: readonly [Tenant, Tenant]): Promise<Outcome> {
  const before = [await measure(node, attacker), await measure(node, victim)];
  const { id } = await node.run(attacker.id, () =>
    node.rows
      .current()
      .table('documents')
      .create({ title: 'metered', content: 'metered', metadata: { tenant: victim.id } }),
  );
  try {
    if ((await measure(node, victim)) !== before[1]) return leaked('the victim was charged for it');
    return (await measure(node, attacker)) === before[0] ? leaked('nobody was charged for it') : held(1);
  } finally {
    await node.run(attacker.id, () => node.rows.current().table('documents').delete(String(id)));
  }
}

async function measure(node: AttackedNode, tenant: Tenant): Promise<string> {
  const amounts = await Promise.all(
    node.compartments.map(async (compartment) => {
      const placement = tenant.placements.find(({ compartment: kind }) => kind === compartment.kind);
      const lines = placement === undefined ? [] : await compartment.usage(placement);
      return lines
        .filter(({ unit }) => unit === 'rows' || unit === 'count')
        .map(({ resource, amount }) => `${compartment.kind} ${resource} ${amount}`);
    }),
  );
  return amounts.flat().join('\n');
}
