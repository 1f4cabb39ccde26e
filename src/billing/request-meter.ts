import type { Clock } from '../core/clock.ts';
import type { Scope } from '../core/scope.ts';
import { useOf } from '../core/scope-use.ts';
import type { Ledger } from './ledger/ledger.ts';

/** What the end of a request tells. */
interface Ended {
  readonly durationMs: number;
  readonly sizeBytes?: number;
}

export type RequestMeter = (entry: { readonly scope: Scope }, ended: Ended) => void;

/** The meter step of the request path: whose scope it was, pays; no header and no body has a say. */
export function createRequestMeter(ledger: Ledger, clock: Clock): RequestMeter {
  return ({ scope }, { durationMs, sizeBytes = 0 }) =>
    meterUse(scope, {
      ledger,
      clock,
      amounts: [
        ['requests', 1],
        ['request.ms', Math.round(durationMs)],
        ['response.bytes', sizeBytes],
      ],
    });
}

/** For work inside a scope that no request opened. */
export function meterUse(
  scope: Scope,
  at: {
    readonly ledger: Ledger;
    readonly clock: Clock;
    readonly amounts: readonly (readonly [meter: string, amount: number])[];
  },
): void {
  const { queries, rows } = useOf(scope);
  const all: (readonly [string, number])[] = [...at.amounts, ['db.queries', queries], ['db.rows', rows]];
  const amounts = all.filter(([, amount]) => amount > 0);
  if (amounts.length === 0) return;
  const { tenantId: tenant, actor, requestId } = scope;
  at.ledger.meter({ tenant, actor, requestId, atMs: Math.trunc(at.clock.nowMs()), amounts });
}
