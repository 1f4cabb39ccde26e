import fc from 'fast-check';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isBulkheadError } from '../../src/core/errors.ts';
import {
  nextState,
  tenantEvents,
  tenantStates,
  transitions,
  type TenantEvent,
  type TenantState,
} from '../../src/core/tenant.ts';

/** The same lifecycle said another way: by what each event needs. */
const needs: Record<TenantEvent, { from: readonly TenantState[]; to: TenantState }> = {
  provisioned: { from: ['provisioning'], to: 'active' },
  suspended: { from: ['active'], to: 'suspended' },
  resumed: { from: ['suspended'], to: 'active' },
  offboarded: { from: ['active', 'suspended'], to: 'offboarding' },
  reinstated: { from: ['offboarding'], to: 'suspended' },
  erased: { from: ['provisioning', 'offboarding'], to: 'deleted' },
};

describe('the lifecycle table', () => {
  test('has a cell for every state and event', () => {
    for (const state of tenantStates)
      expect(Object.keys(transitions[state]).toSorted()).toEqual([...tenantEvents].toSorted());
  });

  test('agrees with the model on any sequence of events', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...tenantEvents), { maxLength: 30 }), (events) => {
        let state: TenantState = 'provisioning';
        for (const event of events) {
          const possible = needs[event].from.includes(state);
          try {
            state = nextState(state, event);
            expect(possible).toBe(true);
            expect(state).toBe(needs[event].to);
          } catch (cause) {
            expect(isBulkheadError(cause, 'transition_refused')).toBe(true);
            expect(possible).toBe(false);
          }
        }
      }),
    );
  });

  test('nothing leads out of deleted', () => {
    expect(tenantEvents.filter((event) => transitions.deleted[event] !== undefined)).toEqual([]);
  });

  test('is drawn in docs/lifecycle.md exactly as it is', async () => {
    const text = await readFile(join(import.meta.dirname, '../../docs/lifecycle.md'), 'utf8');
    const drawn = [...text.matchAll(/^\s+(\w+) --> (\w+): (\w+)$/gm)].map(
      ([, from, to, event]) => `${from} ${event} ${to}`,
    );
    const meant = tenantStates.flatMap((state) =>
      tenantEvents.flatMap((event) =>
        transitions[state][event] === undefined ? [] : [`${state} ${event} ${transitions[state][event]}`],
      ),
    );
    expect(drawn.toSorted()).toEqual(meant.toSorted());
  });
});
