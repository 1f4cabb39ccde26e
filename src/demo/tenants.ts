import { randomBytes } from 'node:crypto';
import type { Bulkhead } from '../bulkhead.ts';
import { isBulkheadError } from '../core/errors.ts';
import type { Isolation } from '../core/placement.ts';
import type { Actor } from '../core/scope.ts';
import type { Tenant } from '../core/tenant.ts';
import type { Corpus } from './corpus.ts';

export const demoActor: Actor = { kind: 'operator', id: 'demo' };

/** A tenant of the example data, as it was placed. */
export interface DemoTenant {
  /** Its name in the example data: `normans`. */
  readonly name: string;
  readonly tenant: Tenant;
  readonly readyMs: number;
}

/** Mostly shared, as in real life; every isolation at least once. Each database of its own costs memory when embedded. */
export function planIsolations(count: number): readonly Isolation[] {
  const dedicated = 1;
  const database = count >= 8 ? 2 : 1;
  const schema = Math.max(1, Math.round(count * 0.15));
  const own = [
    ...Array<Isolation>(schema).fill('schema'),
    ...Array<Isolation>(database).fill('database'),
    ...Array<Isolation>(dedicated).fill('dedicated'),
  ];
  const shared = Array<Isolation>(Math.max(0, count - own.length)).fill('shared');
  return [...shared, ...own];
}

/** `fresh` names clash with nothing; slugs are never given out twice, so a second demo on the same data needs them. */
export type Naming = 'plain' | 'fresh';

export interface CreatedTenants {
  readonly tenants: readonly DemoTenant[];
  readonly notCovered: readonly string[];
}

export async function createTenants(
  node: Bulkhead,
  corpus: Corpus,
  options: { readonly naming: Naming; readonly created: (tenant: DemoTenant) => void },
): Promise<CreatedTenants> {
  const suffix = options.naming === 'fresh' ? `-${randomBytes(3).toString('hex')}` : '';
  const isolations = planIsolations(corpus.tenants.length);
  const tenants: DemoTenant[] = [];
  const notCovered: string[] = [];
  for (const [index, { id, title }] of corpus.tenants.entries()) {
    const wanted = isolations[index] ?? 'shared';
    const input = { slug: id.slice(0, 40) + suffix, name: title, plan: 'enterprise' };
    const create = async (isolation: Isolation): Promise<DemoTenant> => {
      const { tenant, readyInMs } = await node.lifecycle.create({ ...input, isolation }, demoActor);
      return { name: id, tenant, readyMs: readyInMs };
    };
    const made = await create(wanted).catch((cause: unknown) => {
      if (wanted !== 'dedicated' || !isBulkheadError(cause, 'isolation_unavailable')) throw cause;
      notCovered.push('dedicated: there is no free dedicated server; add one with: bulkhead server add');
      return create('database');
    });
    tenants.push(made);
    options.created(made);
  }
  return { tenants, notCovered };
}
