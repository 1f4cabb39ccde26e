import type { Clock } from '../core/clock.ts';
import { BulkheadError, isBulkheadError } from '../core/errors.ts';
import { isolations, type Isolation } from '../core/placement.ts';
import type { Tenant } from '../core/tenant.ts';
import { fronts } from './attack/attack-case.ts';
import type { AttackedNode, Front } from './attack/node.ts';
import { runAttacks, type Contest, type Guests } from './attack/run.ts';
import type { OpenFront } from './faults/fault.ts';
import { scoreFaults, type CodeScore, type SchemaScore } from './faults/score.ts';
import type { ContainerProof, ProveContainers } from './proof/container-proof.ts';
import {
  toVerification,
  type StirReport,
  type VerificationResult,
  type VerifiedTenant,
  type Versions,
} from './verification.ts';

/** Work that goes on around the attacks; ended, it says how much there was. */
export interface Stirring {
  /** A tenant that is moved to and fro meanwhile. */
  readonly moving: Tenant;
  end(): Promise<StirReport>;
}

export interface VerifierParts {
  readonly node: AttackedNode;
  readonly clock: Clock;
  readonly versions: Omit<Versions, 'servers'>;
  readonly guests: Guests & AsyncDisposable;
  readonly proveContainers: ProveContainers;
  /** Undefined where no server can be started: HTTP is then not covered. */
  readonly openFront: OpenFront | undefined;
  /** Breaks a copy of the live schema, so many tables one after the other. */
  readonly scoreSchema: (maxTables: number) => Promise<SchemaScore>;
  readonly stir: (tenants: readonly Tenant[]) => Promise<Stirring>;
}

export interface VerifyOptions {
  /** Two tenants that are there, against each other, left as they were. Undefined: throw-away tenants and a sample. */
  readonly between?: readonly [Tenant, Tenant] | undefined;
  /** Throw-away tenants of these isolations; default all. */
  readonly isolations?: readonly Isolation[];
  /** How many of the tenants that are there are attacked too. */
  readonly sample: number;
  /** `with`: faults are planted in our own code and in a copy of the schema, and the misses published. */
  readonly mutations: 'with' | 'without';
  /** How many tables of the schema's copy are broken. */
  readonly maxTables: number;
  /** `stirred`: tenants are loaded, moved and migrated meanwhile. */
  readonly meanwhile: 'stirred' | 'still';
  readonly onProgress?: (progress: VerifyProgress) => void;
}

export interface VerifyProgress {
  readonly done: number;
  readonly total: number;
  readonly label: string;
}

/** Requests in a storm between neighbours in one container, and between others. */
const bigStorm = 1_000;
const smallStorm = 150;

/**
 * Attacks, proves and breaks, and says what came of it. Throw-away tenants are removed however it ends; a leak is a
 * result and not an error.
 */
export async function runVerification(
  parts: VerifierParts,
  options: VerifyOptions,
): Promise<VerificationResult> {
  const startedMs = parts.clock.monotonicMs();
  const startedAt = new Date(parts.clock.nowMs());
  await using guests = parts.guests;
  const field =
    options.between === undefined
      ? await inviteGuests(parts, guests, options)
      : await faceOff(guests, options.between);
  const stirring =
    options.meanwhile === 'stirred' && options.between === undefined
      ? await parts.stir(
          field.tenants.filter(({ kind }) => kind === 'throw_away').map(({ tenant }) => tenant),
        )
      : undefined;
  const contests = stirring === undefined ? field.contests : pursue(field, stirring.moving);
  const steps = new Steps(options, contests);
  const report = await attack(parts, { field, steps, contests }).catch(async (cause: unknown) => {
    await stirring?.end().catch(() => undefined);
    throw cause;
  });
  const stirred = await stirring?.end();
  const proofs = await proveAll(parts, options.between, steps);
  const mutations = await breakThings(parts, { field, options, steps });
  steps.finish();
  return toVerification({
    clock: parts.clock,
    startedMs,
    startedAt,
    versions: parts.versions,
    tenants: field.tenants.map(({ tenant, kind }): VerifiedTenant => ({
      id: tenant.id,
      isolation: tenant.isolation,
      kind,
    })),
    compartments: parts.node.compartments.map(({ kind }) => kind),
    report,
    proofs,
    stirred,
    mutations,
    notCovered: [
      ...field.notCovered,
      ...(parts.openFront === undefined ? ['HTTP: no server was started'] : []),
      ...(options.mutations === 'without' ? ['mutation score: not asked for'] : []),
    ],
  });
}

interface Field {
  readonly contests: readonly Contest[];
  readonly control: Tenant;
  readonly guests: Guests | undefined;
  readonly tenants: readonly { readonly tenant: Tenant; readonly kind: VerifiedTenant['kind'] }[];
  readonly notCovered: readonly string[];
}

/** Two throw-away tenants of each isolation, each against each, and a sample of those that are there. */
async function inviteGuests(
  { node }: VerifierParts,
  guests: Guests,
  { sample, isolations: wanted = isolations }: VerifyOptions,
): Promise<Field> {
  const kept = await sampleTenants(node, sample);
  const pairs: { readonly isolation: Isolation; readonly pair: readonly [Tenant, Tenant] }[] = [];
  const notCovered: string[] = [];
  for (const isolation of wanted) {
    try {
      pairs.push({ isolation, pair: [await guests.make(isolation), await guests.make(isolation)] });
    } catch (cause) {
      if (!isBulkheadError(cause, 'isolation_unavailable')) throw cause;
      notCovered.push(`isolation ${isolation}: ${cause.message}`);
    }
  }
  const [shared] = pairs;
  if (shared === undefined)
    throw new BulkheadError('isolation_unavailable', { reason: 'no isolation is there' });
  const control = shared.pair[0];
  const contests = pairs.flatMap(({ isolation, pair: [attacker] }) =>
    pairs.map(({ isolation: other, pair: [first, second] }): Contest => {
      const isEqual = isolation === other;
      return {
        attacker,
        victim: isEqual ? second : first,
        fronts: isEqual ? fronts : ['store'],
        storm: isolation === 'shared' ? bigStorm : smallStorm,
      };
    }),
  );
  const sampled = kept.map((victim): Contest => ({ attacker: control, victim, fronts: ['store'], storm: 0 }));
  return {
    contests: [...contests, ...sampled],
    control,
    guests,
    tenants: [
      ...pairs.flatMap(({ pair }) => pair.map((tenant) => ({ tenant, kind: 'throw_away' as const }))),
      ...kept.map((tenant) => ({ tenant, kind: 'kept' as const })),
    ],
    notCovered,
  };
}

/** Evenly over all active tenants, however they are sorted. */
async function sampleTenants({ registry }: AttackedNode, most: number): Promise<readonly Tenant[]> {
  if (most === 0) return [];
  const active: Tenant[] = [];
  let cursor: string | undefined;
  do {
    const page = await registry.tenants.list({
      limit: 200,
      state: 'active',
      ...(cursor === undefined ? {} : { cursor }),
    });
    active.push(...page.tenants);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  const step = Math.max(1, active.length / most);
  return active
    .filter((_, index) => Math.floor(index / step) !== Math.floor((index - 1) / step))
    .slice(0, most);
}

async function faceOff(guests: Guests, [a, b]: readonly [Tenant, Tenant]): Promise<Field> {
  const contest = (attacker: Tenant, victim: Tenant): Contest => ({
    attacker,
    victim,
    fronts,
    storm: smallStorm,
  });
  return {
    contests: [contest(a, b), contest(b, a)],
    control: await guests.make('shared'),
    guests: undefined,
    tenants: [a, b].map((tenant) => ({ tenant, kind: 'kept' as const })),
    notCovered: [],
  };
}

/** Whoever is moved meanwhile is attacked over and over, in between the others. */
function pursue({ contests, control }: Field, moving: Tenant): readonly Contest[] {
  const pursuit: Contest = {
    attacker: control,
    victim: moving,
    fronts: ['store', 'scope'],
    storm: smallStorm,
  };
  return contests.flatMap((contest, at) => (at % 4 === 0 ? [pursuit, contest] : [contest]));
}

async function attack(
  { node, openFront }: VerifierParts,
  { field, steps, contests }: { field: Field; steps: Steps; contests: readonly Contest[] },
): ReturnType<typeof runAttacks> {
  const front = await openFront?.(node);
  try {
    return await runAttacks({
      node,
      contests,
      control: field.control,
      guests: field.guests,
      front,
      advance: (label) => steps.next(label),
    });
  } finally {
    await closeFront(front);
  }
}

async function closeFront(front: Front | undefined): Promise<void> {
  await front?.[Symbol.asyncDispose]();
}

async function proveAll(
  { proveContainers }: VerifierParts,
  between: VerifyOptions['between'],
  steps: Steps,
): Promise<readonly ContainerProof[]> {
  const proofs: ContainerProof[] = [];
  const only = between === undefined ? undefined : new Set<string>(between.map(({ id }) => id));
  steps.next('proving');
  for await (const proof of proveContainers(only)) proofs.push(proof);
  return proofs;
}

async function breakThings(
  parts: VerifierParts,
  { field, options, steps }: { field: Field; options: VerifyOptions; steps: Steps },
): Promise<VerificationResult['mutations']> {
  const { guests } = field;
  const [attacker, victim] = field.tenants
    .filter(({ kind }) => kind === 'throw_away')
    .map(({ tenant }) => tenant);
  if (
    options.mutations === 'without' ||
    guests === undefined ||
    attacker === undefined ||
    victim === undefined
  )
    return { schemas: undefined, code: undefined };
  steps.next('breaking a copy of the schema');
  const schemas = await parts.scoreSchema(options.maxTables);
  let code: CodeScore | undefined;
  if (parts.openFront !== undefined) {
    steps.next('breaking our own code');
    const { node, openFront } = parts;
    code = await scoreFaults({ node, guests, attacker, victim, openFront });
  }
  return { schemas, code };
}

/** Counts what is done against what there is to do. */
class Steps {
  readonly #total: number;
  readonly #tell: VerifyOptions['onProgress'];
  #done = -1;

  constructor({ onProgress, mutations }: VerifyOptions, contests: readonly Contest[]) {
    this.#tell = onProgress;
    const suites = contests.reduce((sum, contest) => sum + contest.fronts.length, 0);
    this.#total = suites + 1 + (mutations === 'with' ? 2 : 0);
  }

  next(label: string): void {
    this.#done = Math.min(this.#done + 1, this.#total);
    this.#tell?.({ done: this.#done, total: this.#total, label });
  }

  finish(): void {
    this.#tell?.({ done: this.#total, total: this.#total, label: 'done' });
  }
}
