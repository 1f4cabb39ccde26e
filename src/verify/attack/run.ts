import { findCanaries, newCanary } from '../../core/canary.ts';
import type { Isolation } from '../../core/placement.ts';
import type { Tenant } from '../../core/tenant.ts';
import {
  notCovered,
  untested,
  type AttackCase,
  type Duel,
  type FrontName,
  type Outcome,
  type Planted,
  type Side,
} from './attack-case.ts';
import { requestAttacks } from './http/request-attacks.ts';
import { routeAttacks, type HttpCase } from './http/route-attacks.ts';
import { attackActor, type AttackedNode, type Front } from './node.ts';
import { poolAttacks } from './pool-attacks.ts';
import { registryAttacks } from './registry-attacks.ts';
import type { AttackReport, NegativeControl } from './report.ts';
import { scopeAttacks } from './scope-attacks.ts';
import { attackStores, controlStores } from './store-attacks.ts';
import { Tally } from './tally.ts';

/** One tenant against another, by these fronts. */
export interface Contest {
  readonly attacker: Tenant;
  readonly victim: Tenant;
  readonly fronts: readonly FrontName[];
  /** Requests in a storm. */
  readonly storm: number;
}

/** Makes tenants that exist for the attacks, and removes them whole. */
export interface Guests {
  make(isolation: Isolation): Promise<Tenant>;
  erase(tenant: Tenant): Promise<void>;
}

export interface AttackInput {
  readonly node: AttackedNode;
  readonly contests: readonly Contest[];
  /** Who attacks itself, as the negative control: a tenant that may be written to. */
  readonly control: Tenant;
  /** Undefined where tenants of one's own are attacked, which are left as they were. */
  readonly guests: Guests | undefined;
  readonly front: Front | undefined;
  /** Leaves out cases; default none. */
  readonly only?: (id: string) => boolean;
  readonly advance?: (label: string) => void;
}

/** A server answers through the same cases as the library, where there is one. */
function overHttp(attack: HttpCase): AttackCase {
  return {
    ...attack,
    run: async (duel) => {
      const { front } = duel;
      return front === undefined ? notCovered('no server was started') : await attack.run({ ...duel, front });
    },
  };
}

const suites: Readonly<Record<Exclude<FrontName, 'store'>, readonly AttackCase[]>> = {
  scope: scopeAttacks,
  pool: poolAttacks,
  registry: registryAttacks,
  http: [...routeAttacks, ...requestAttacks].map(overHttp),
};

/** Plants canaries, runs every contest, and takes away what it planted. Nothing is thrown for a leak. */
export async function runAttacks(input: AttackInput): Promise<AttackReport> {
  const { node, contests } = input;
  const tally = new Tally();
  await using planted = new AsyncDisposableStack();
  const sides = new Map<string, Side>();
  for (const tenant of contests.flatMap(({ attacker, victim }) => [attacker, victim]))
    if (!sides.has(tenant.id)) {
      const side = await arm(node, tenant);
      planted.defer(() => disarm(node, side));
      sides.set(tenant.id, side);
    }
  const controls = [
    ...(await controlStores(node, input.control)),
    await controlHunt(node, [...sides.values()]),
  ];
  for (const contest of contests) {
    const attacker = sides.get(contest.attacker.id);
    const victim = sides.get(contest.victim.id);
    if (attacker !== undefined && victim !== undefined)
      await fight({ ...toDuel(input, contest), attacker, victim }, { input, contest, tally });
  }
  return tally.report(controls);
}

function toDuel({ node, front, guests }: AttackInput, { storm }: Contest): Omit<Duel, 'attacker' | 'victim'> {
  return {
    node,
    front,
    storm,
    tenants: guests === undefined ? 'kept' : 'throw_away',
    guest: guests === undefined ? undefined : () => guests.make('shared'),
    erase: async (tenant) => await guests?.erase(tenant),
  };
}

async function fight(
  duel: Duel,
  { input, contest, tally }: { input: AttackInput; contest: Contest; tally: Tally },
): Promise<void> {
  const at = { attacker: contest.attacker.isolation, victim: contest.victim.isolation };
  for (const front of contest.fronts) {
    input.advance?.(`${at.attacker} on ${at.victim}: ${front}`);
    if (front === 'store') await attackStores(duel, tally);
    else
      for (const attack of suites[front]) {
        if (input.only?.(attack.id) === false) continue;
        const { id, attacks, how } = attack;
        tally.add({ ...at, front, id, attacks, how }, await attempt(attack, duel));
      }
  }
}

/** An attack that breaks in an unforeseen way proved nothing, and says so. */
async function attempt(attack: AttackCase, duel: Duel): Promise<Outcome> {
  try {
    return await attack.run(duel);
  } catch (cause) {
    return untested(`the attack itself failed: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}

const keyLifeMs = 3_600_000;

async function arm(node: AttackedNode, tenant: Tenant): Promise<Side> {
  const planted = await plant(node, tenant);
  const expiresAt = new Date(node.clock.nowMs() + keyLifeMs);
  const { key, secret } = await node.registry.keys.issue(
    { tenant: tenant.id, name: 'verify', expiresAt },
    attackActor,
  );
  return { tenant, planted, key: { id: key.id, secret } };
}

async function plant(node: AttackedNode, tenant: Tenant): Promise<Planted> {
  const { text, digest } = newCanary();
  const externalId = newCanary().text;
  const { id } = await node.run(tenant.id, () =>
    node.rows
      .current()
      .table('documents')
      .create({ title: 'canary', content: text, external_id: externalId }),
  );
  return { document: String(id), externalId, digest };
}

async function disarm(node: AttackedNode, { tenant, planted, key }: Side): Promise<void> {
  await node.run(tenant.id, () => node.rows.current().table('documents').delete(planted.document));
  const id = key.id as Parameters<typeof node.registry.keys.revoke>[0]['id'];
  await node.registry.keys.revoke({ tenant: tenant.id, id }, attackActor);
}

/** The hunt for a canary in a text must find the one that its own owner reads. */
async function controlHunt(node: AttackedNode, sides: readonly Side[]): Promise<NegativeControl> {
  let noticed = 0;
  for (const { tenant, planted } of sides) {
    const row = await node.run(tenant.id, () =>
      node.rows.current().table('documents').findById(planted.document),
    );
    noticed += findCanaries(JSON.stringify(row ?? {}), [planted.digest]).length;
  }
  const found = noticed === sides.length && sides.length > 0;
  return {
    store: 'hunt',
    found,
    noticed,
    probes: sides.length,
    because: found
      ? 'every planted canary was found where its owner reads it'
      : 'a planted canary was not found by its own owner',
  };
}
