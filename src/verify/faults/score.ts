import type { Tenant } from '../../core/tenant.ts';
import { runAttacks, type Guests } from '../attack/run.ts';
import type { AttackedNode } from '../attack/node.ts';
import type { Front } from '../attack/node.ts';
import { judge, type VerificationVerdict } from '../verification.ts';
import type { Fault, OpenFront } from './fault.ts';
import { httpFaults } from './http-faults.ts';
import { registryFaults } from './registry-faults.ts';
import { rowFaults } from './row-faults.ts';

/** Of everything that was broken on purpose: how much was noticed, and every miss by name. */
export interface FaultScore {
  readonly planted: number;
  readonly caught: number;
  readonly missed: readonly string[];
}

export interface CodeScore extends FaultScore {
  readonly faults: readonly {
    readonly name: string;
    readonly verdict: VerificationVerdict;
    /** The first reason the verifier gave. */
    readonly because: string;
  }[];
}

export interface SchemaScore extends FaultScore {
  /** Tables of the live schema's clone that were broken one way after the other. */
  readonly tables: readonly string[];
  readonly notPlanted: readonly string[];
  /** Where the clone is not like the original. */
  readonly differences: readonly string[];
}

export const faults: readonly Fault[] = [...rowFaults, ...registryFaults, ...httpFaults];

export interface FaultBed {
  readonly node: AttackedNode;
  readonly guests: Guests;
  readonly attacker: Tenant;
  readonly victim: Tenant;
  readonly openFront: OpenFront;
  readonly advance?: (label: string) => void;
}

const storm = 60;

/**
 * Plants one fault after the other in a node of throw-away tenants and runs the suites that should notice. Whatever is
 * not `held` is caught; a node without a fault must be, or catching would mean nothing.
 */
export async function scoreFaults(bed: FaultBed, chosen: readonly Fault[] = faults): Promise<CodeScore> {
  const scored: CodeScore['faults'][number][] = [];
  const clean = await examine(bed, cleanFault);
  if (clean.verdict !== 'held')
    return {
      planted: 0,
      caught: 0,
      missed: [`without any fault the verifier says ${clean.verdict}: ${clean.because}`],
      faults: [],
    };
  for (const fault of chosen) {
    bed.advance?.(fault.name);
    scored.push(await examine(bed, fault));
  }
  const missed = scored.filter(({ verdict }) => verdict === 'held').map(({ name }) => name);
  return { planted: scored.length, caught: scored.length - missed.length, missed, faults: scored };
}

const cleanFault: Fault = {
  number: '',
  name: 'none',
  fronts: ['store', 'scope', 'pool', 'registry', 'http'],
  plant: (node) => ({ node }),
};

async function examine(bed: FaultBed, fault: Fault): Promise<CodeScore['faults'][number]> {
  const { attacker, victim, guests } = bed;
  const planted = fault.plant(bed.node, { attacker, victim });
  const needsFront = fault.fronts.includes('http');
  const front = needsFront ? await bed.openFront(planted.node, planted.tamper) : undefined;
  try {
    const report = await runAttacks({
      node: planted.node,
      contests: [{ attacker, victim, fronts: fault.fronts, storm }],
      control: attacker,
      guests,
      front,
      // The one attack that takes long; only its own fault needs it.
      only: (id) => id !== 'http/timing' || fault.number === 'F37',
    });
    const { verdict, reasons } = judge({
      report,
      proofs: [],
      mutations: { schemas: undefined, code: undefined },
    });
    return { name: `${fault.number} ${fault.name}`, verdict, because: reasons[0] ?? '' };
  } catch (cause) {
    // A node too broken to be attacked is noticed as well: nobody would take it for sound.
    return { name: `${fault.number} ${fault.name}`, verdict: 'inconclusive', because: String(cause) };
  } finally {
    await closeFront(front);
  }
}

async function closeFront(front: Front | undefined): Promise<void> {
  await front?.[Symbol.asyncDispose]();
}
