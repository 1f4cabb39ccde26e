import type { Tenant } from '../../core/tenant.ts';
import type { FrontName } from '../attack/attack-case.ts';
import type { AttackedNode, Front } from '../attack/node.ts';

/** A request as a server has it before anything looks at it. */
export interface TamperedRequest {
  readonly method: string;
  readonly url: string;
  /** Names and values by turns, as they were sent; changes take. */
  readonly rawHeaders: string[];
  /** The same object for all requests of one connection. */
  readonly connection: object;
}

export interface TamperedAnswer {
  readonly status: number;
  readonly text: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A fault of the HTTP server, planted by hooks in front of its own and behind them. */
export interface Tamper {
  /** @returns an answer where the request shall not come further */
  request?(request: TamperedRequest): TamperedAnswer | undefined;
  /** @returns what is sent instead */
  answer?(
    request: TamperedRequest,
    answer: TamperedAnswer,
    log: (text: string) => void,
  ): TamperedAnswer | Promise<TamperedAnswer>;
}

/** Starts a server over a node. */
export type OpenFront = (node: AttackedNode, tamper?: Tamper) => Promise<Front>;

export interface Planted {
  readonly node: AttackedNode;
  readonly tamper?: Tamper;
}

/** Who is to suffer. */
export interface Between {
  readonly attacker: Tenant;
  readonly victim: Tenant;
}

/** One thing wrong with our own code, planted around its parts and never into the store itself. */
export interface Fault {
  /** Number in the catalogue of faults, where it has one. */
  readonly number: string;
  readonly name: string;
  /** The suites that are run to notice it. */
  readonly fronts: readonly FrontName[];
  plant(node: AttackedNode, between: Between): Planted;
}
