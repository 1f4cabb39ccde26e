import { randomBytes } from 'node:crypto';
import type { Finding, ProbeTarget } from '../../core/compartment.ts';
import { isBulkheadError } from '../../core/errors.ts';
import { newUuid7 } from '../../core/ids.ts';
import { placementIn, type Scope } from '../../core/scope.ts';
import { manifestPlace, objectPrefixOf, parseContainer, placeOf } from './container.ts';
import { parseObjectId, toObjectName } from './names.ts';
import type { ObjectsDeps, ObjectsHandle, StoredObject } from './objects.ts';
import { grantUrl, verifyUrl } from './signed-url.ts';

interface Attack {
  readonly target: ProbeTarget;
  readonly deps: ObjectsDeps;
  readonly attacker: ObjectsHandle;
  readonly victim: ObjectsHandle;
  /** An object of the victim that nobody else may see, change or learn of. */
  readonly canary: StoredObject;
}

interface Probe {
  readonly name: string;
  readonly attack: string;
  /** @returns what leaked, or undefined where it held */
  run(attack: Attack): Promise<string | undefined>;
}

const probes: readonly Probe[] = [
  {
    name: 'read-by-name',
    attack: 'A67',
    run: async ({ attacker, canary }) => read(attacker, { name: canary.name }),
  },
  {
    name: 'read-by-id',
    attack: 'A64',
    run: async ({ attacker, canary }) => read(attacker, { id: canary.id }),
  },
  {
    name: 'step-out-of-the-prefix',
    attack: 'A67',
    async run({ attacker, canary, target }) {
      const { tenantId } = target.victim;
      const key = placeOf(placementIn(target.victim, 'objects'), toId(canary)).key;
      for (const step of [
        '../',
        '....//',
        '..%2f',
        '%2e%2e/',
        '%252e%252e%252f',
        '..\\',
        '．．／',
        '/',
        './../',
      ])
        for (const rest of [key, `${tenantId}/${canary.name}`, canary.name]) {
          const leak = await allowedOnly(() => read(attacker, { name: `${step}${rest}` }));
          if (leak !== undefined) return leak;
        }
      return undefined;
    },
  },
  {
    name: 'storage-key-as-name',
    attack: 'A67',
    run: async ({ attacker, canary, target }) =>
      read(attacker, { name: placeOf(placementIn(target.victim, 'objects'), toId(canary)).key }),
  },
  {
    name: 'list-everything',
    attack: 'A66',
    async run({ attacker, canary }) {
      const names = new Set<string>();
      let cursor: string | undefined;
      do {
        const page = await attacker.list(cursor === undefined ? {} : { cursor });
        for (const { name } of page.objects) names.add(name);
        cursor = page.nextCursor;
      } while (cursor !== undefined);
      return names.has(canary.name) ? 'the canary was listed' : undefined;
    },
  },
  {
    name: 'overwrite-by-name',
    attack: 'A7',
    async run({ attacker, victim, canary }) {
      await attacker.put(canary.name, randomBytes(8));
      const seen = await victim.stat({ name: canary.name });
      await attacker.delete({ name: canary.name });
      return seen?.sha256 === canary.sha256 ? undefined : 'the canary was replaced';
    },
  },
  {
    name: 'delete-by-id',
    attack: 'A7',
    run: async ({ attacker, canary }) =>
      (await attacker.delete({ id: canary.id })) ? 'a foreign object was deleted' : undefined,
  },
  {
    name: 'blob-copied-under-the-attackers-key',
    attack: 'A67',
    async run(attack) {
      const { deps, target, canary, attacker } = attack;
      const theirs = placeOf(placementIn(target.victim, 'objects'), toId(canary));
      const ours = placeOf(placementIn(target.attacker, 'objects'), toId(canary));
      const blob = await deps.store.get(theirs);
      if (blob === undefined) throw new Error('the canary was not found in the store');
      // Whoever may write to the store itself still has no key.
      await deps.store.put(ours, blob.body);
      try {
        return await allowedOnly(() => read(attacker, { id: canary.id }));
      } finally {
        await deps.store.delete(ours);
      }
    },
  },
  {
    name: 'signed-url-for-another-tenant',
    attack: 'A67',
    async run({ deps, target, canary }) {
      const { tenantId: own } = target.attacker;
      const { tenantId: theirs } = target.victim;
      const { path } = grantUrl(deps.keys, deps.clock, {
        tenant: own,
        wish: { method: 'GET', name: canary.name },
      });
      const query = Object.fromEntries(new URL(path, 'http://x').searchParams);
      const replays = [
        { method: 'GET', tenant: theirs, object: canary.id, query },
        { method: 'PUT', tenant: own, object: deps.keys.idOf(own, toObjectName(canary.name)), query },
        { method: 'GET', tenant: own, object: canary.id, query: { ...query, expires: '99999999999' } },
        { method: 'GET', tenant: own, object: canary.id, query: { ...query, name: canary.name } },
      ];
      for (const replay of replays) {
        const accepted = await allowedOnly(async () =>
          JSON.stringify(verifyUrl(deps.keys, deps.clock, replay)),
        );
        if (accepted !== undefined) return 'an altered URL was accepted';
      }
      return undefined;
    },
  },
  {
    name: 'content-in-the-clear',
    attack: 'A49',
    async run({ deps, target, canary }) {
      const blob = await deps.store.get(placeOf(placementIn(target.victim, 'objects'), toId(canary)));
      if (blob === undefined) throw new Error('the canary was not found in the store');
      const pieces = await Array.fromAsync(blob.body, (piece) => Buffer.from(piece));
      const stored = Buffer.concat(pieces).toString('latin1');
      return stored.includes(canary.name) || stored.includes('canary ')
        ? 'the stored bytes show name or content'
        : undefined;
    },
  },
  {
    name: 'prefix-of-another-tenant',
    attack: 'A67',
    async run({ deps, target }) {
      const placement = placementIn(target.attacker, 'objects');
      const { bucket } = parseContainer(placement);
      const page = await deps.store.list(bucket, objectPrefixOf(placement.tenant), undefined);
      const foreign = page.blobs.filter(({ key }) => !key.startsWith(objectPrefixOf(placement.tenant)));
      const own = manifestPlace(placement).key.startsWith(`${placement.tenant}/`);
      return foreign.length > 0 || !own ? 'a listing went beyond the prefix' : undefined;
    },
  },
];

/** Attacks `victim` from `attacker` through the store's own handles, and past them. */
export async function probeObjects(
  target: ProbeTarget,
  parts: { readonly deps: ObjectsDeps; readonly open: (scope: Scope) => ObjectsHandle },
): Promise<readonly Finding[]> {
  const { deps, open } = parts;
  await using victim = open(target.victim);
  await using attacker = open(target.attacker);
  const name = `canary/${newUuid7()}`;
  const canary = await victim.put(name, Buffer.from(`canary ${randomBytes(16).toString('hex')}`));
  try {
    const attack = { target, deps, attacker, victim, canary };
    const findings: Finding[] = [];
    for (const probe of probes) findings.push(await runProbe(probe, attack));
    const intact = (await victim.stat({ name }))?.sha256 === canary.sha256;
    findings.push({
      probe: 'canary-intact',
      attack: 'control',
      result: intact ? 'held' : 'leaked',
      because: intact ? 'its owner still reads the canary unchanged' : 'the canary was changed or is gone',
    });
    return findings;
  } finally {
    await victim.delete({ name });
  }
}

async function runProbe(probe: Probe, attack: Attack): Promise<Finding> {
  const about = { probe: probe.name, attack: probe.attack };
  try {
    const leak = await probe.run(attack);
    return leak === undefined
      ? { ...about, result: 'held', because: 'nothing of the victim was read, changed or confirmed' }
      : { ...about, result: 'leaked', because: leak };
  } catch (cause) {
    return { ...about, result: 'untested', because: `the probe itself failed: ${String(cause)}` };
  }
}

async function read(
  handle: ObjectsHandle,
  ref: { name: string } | { id: string },
): Promise<string | undefined> {
  return (await handle.get(ref)) === undefined ? undefined : 'a foreign object was read';
}

/** A refusal holds as well as an empty answer does; a store that is down does neither. */
async function allowedOnly(work: () => Promise<string | undefined>): Promise<string | undefined> {
  try {
    return await work();
  } catch (cause) {
    const refusals = ['value_invalid', 'foreign_row', 'object_damaged', 'signature_refused'] as const;
    if (refusals.some((code) => isBulkheadError(cause, code))) return undefined;
    throw cause;
  }
}

function toId({ id }: StoredObject): NonNullable<ReturnType<typeof parseObjectId>> {
  const parsed = parseObjectId(id);
  if (parsed === undefined) throw new Error('the canary has no id');
  return parsed;
}
