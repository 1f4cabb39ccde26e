import type { TenantState } from '../../core/tenant.ts';
import type { TenantView } from '../../client/schemas/tenants.ts';
import type { Page } from '../output.ts';
import type { Style } from '../text/paint.ts';
import type { Cell, Column } from '../text/table.ts';
import { toMoment } from '../text/when.ts';

const styles: Record<TenantState, Style> = {
  provisioning: 'warn',
  active: 'good',
  suspended: 'warn',
  offboarding: 'warn',
  deleted: 'dim',
};

export function stateCell(state: TenantState): Cell {
  return { text: state, style: styles[state] };
}

export function tenantFields(tenant: TenantView): readonly (readonly [string, Cell | string])[] {
  const containers = Object.entries(tenant.containers).map(([store, at]): [string, string] => [store, at]);
  return [
    ['id', tenant.id],
    ['slug', tenant.slug],
    ['name', tenant.name],
    ['plan', tenant.plan],
    ['state', stateCell(tenant.state)],
    ['isolation', tenant.isolation],
    ['region', tenant.region ?? '-'],
    ['parent', tenant.parent ?? '-'],
    ['features', tenant.features.length === 0 ? '-' : tenant.features.join(', ')],
    ...containers,
    ...(tenant.erasesAt === null ? [] : ([['erases', toMoment(tenant.erasesAt)]] as const)),
    ['created', toMoment(tenant.createdAt)],
    ['updated', toMoment(tenant.updatedAt)],
  ];
}

const columns: readonly Column[] = [
  { title: 'slug' },
  { title: 'name', shrink: 'when_narrow' },
  { title: 'plan' },
  { title: 'state' },
  { title: 'isolation' },
  { title: 'region' },
  { title: 'id' },
];

export function tenantTable(page: Page, tenants: readonly TenantView[]): string {
  return page.table(
    columns,
    tenants.map(({ slug, name, plan, state, isolation, region, id }) => [
      slug,
      name,
      plan,
      stateCell(state),
      isolation,
      region ?? '-',
      id,
    ]),
  );
}
