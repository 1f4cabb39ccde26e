/** Tables to decide by. The scores are those of a published decision record for a mixed product (1 worst, 10 best). */
export const optionNames = ['shared', 'schema', 'database', 'hybrid'] as const;
export type OptionName = (typeof optionNames)[number];

export const scores: Readonly<Record<OptionName, number>> = { shared: 9, schema: 6, database: 4, hybrid: 7 };

export interface TradeOff {
  readonly way: string;
  readonly cost: string;
  readonly performance: string;
  readonly security: string;
  readonly complexity: string;
  readonly backup: string;
  readonly compliance: string;
  readonly residency: string;
  readonly maxTenants: string;
  readonly bestFor: string;
}

export const tradeOffs: readonly TradeOff[] = [
  {
    way: 'shared',
    cost: 'lowest',
    performance: 'shared; noisy neighbours are limited, not absent',
    security: 'the wall: forced row-level security on a signed context',
    complexity: 'low',
    backup: 'by export of one tenant',
    compliance: 'harder to argue',
    residency: 'one region for all in it',
    maxTenants: 'millions',
    bestFor: 'many small customers',
  },
  {
    way: 'schema',
    cost: 'low',
    performance: 'shared server, own tables and indexes',
    security: 'own role and the wall',
    complexity: 'medium: migrations run once a schema',
    backup: 'by schema',
    compliance: 'medium',
    residency: 'one region for all on the server',
    maxTenants: 'thousands',
    bestFor: 'valuable customers, own tables',
  },
  {
    way: 'database',
    cost: 'medium',
    performance: 'own pool, own statistics, a shared server',
    security: 'own login, own database and the wall',
    complexity: 'high: connections, migrations',
    backup: 'by database',
    compliance: 'good',
    residency: 'by server',
    maxTenants: 'hundreds to thousands',
    bestFor: 'regulated customers',
  },
  {
    way: 'dedicated',
    cost: 'highest',
    performance: 'nobody else',
    security: 'own server, own login and the wall',
    complexity: 'highest: a server each',
    backup: 'by server',
    compliance: 'best',
    residency: 'any region or account',
    maxTenants: 'hundreds',
    bestFor: 'few, large, or under strict duties',
  },
];
