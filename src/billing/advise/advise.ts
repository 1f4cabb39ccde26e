import type { Isolation } from '../../core/placement.ts';
import type { NanoUsd } from '../../core/money.ts';
import { costOf, publishedCosts, ways, type CostTable, type Way } from './cost-table.ts';
import type { OptionName } from './trade-offs.ts';

export const regimes = ['hipaa', 'fedramp', 'gdpr', 'pci', 'soc2'] as const;
export type Regime = (typeof regimes)[number];

/** What is asked before anything is advised. */
export interface Situation {
  /** In about a year. */
  readonly tenants: number;
  /** Of them, those that would leave over an incident, or pay for apartness. */
  readonly enterpriseTenants?: number | undefined;
  /** Dollars a month that a usual tenant pays. */
  readonly priceUsd?: number | undefined;
  readonly regimes?: readonly Regime[] | undefined;
  /** Of the tenants, those under these regimes; default all of them. */
  readonly regulatedTenants?: number | undefined;
  /** Data of some tenants must stay in a place of its own. */
  readonly residency?: 'needed' | 'not_needed' | undefined;
  /** Some tenants have tables or extensions of their own. */
  readonly ownTables?: 'needed' | 'not_needed' | undefined;
  /** One's own prices; default the published ones. */
  readonly costs?: CostTable | undefined;
}

export interface Tier {
  readonly who: string;
  readonly tenants: number;
  readonly isolation: Isolation;
  readonly because: readonly string[];
}

export interface StoreAdvice {
  readonly store: string;
  readonly forms: readonly { readonly isolation: Isolation; readonly form: string }[];
}

export interface CostLine {
  readonly way: Way;
  readonly tenants: number;
  readonly totalNanoUsd: NanoUsd;
  readonly eachNanoUsd: NanoUsd;
}

export interface Advice {
  readonly option: OptionName | 'dedicated';
  readonly tiers: readonly Tier[];
  readonly reasons: readonly string[];
  readonly cautions: readonly string[];
  readonly stores: readonly StoreAdvice[];
  readonly costs: readonly CostLine[];
}

/** Under these a regulator asks for apartness that can be shown without reading policies. */
const strict: ReadonlySet<Regime> = new Set(['hipaa', 'fedramp']);
const comparedAt = [10, 100, 500] as const;

/** The rules that platform teams have published, applied in order; every step says why. Pure. */
export function advise(situation: Situation): Advice {
  const tiers = toTiers(situation);
  const isolations = [...new Set(tiers.map(({ isolation }) => isolation))];
  const [only] = isolations;
  return {
    option: isolations.length > 1 || only === undefined ? 'hybrid' : only,
    tiers,
    reasons: [
      ...tiers.flatMap(({ who, because }) => because.map((reason) => `${who}: ${reason}`)),
      ...(isolations.length > 1
        ? ['the tenants are of several kinds: a mix costs less than the strictest form for all']
        : []),
    ],
    cautions: toCautions(situation, isolations),
    stores: toStores(isolations),
    costs: toCosts(situation),
  };
}

function toTiers(situation: Situation): readonly Tier[] {
  const { tenants, enterpriseTenants = 0, regimes: duties = [], residency, ownTables } = situation;
  const regulated = duties.length === 0 ? 0 : Math.min(tenants, situation.regulatedTenants ?? tenants);
  const enterprise = Math.min(tenants - regulated, enterpriseTenants);
  const rest = tenants - regulated - enterprise;
  const tiers: Tier[] = [];
  if (regulated > 0) tiers.push(toRegulated(regulated, duties));
  if (enterprise > 0)
    tiers.push({
      who: 'enterprise tenants',
      tenants: enterprise,
      isolation: residency === 'needed' ? 'dedicated' : 'schema',
      because: [
        residency === 'needed'
          ? 'data must stay in a place of its own, and a server is what can be in a place'
          : 'they are valuable: tables, role and indexes of their own, at the cost of a migration each',
      ],
    });
  if (rest > 0) tiers.push(toUsual(rest, { ...situation, ownTables }));
  return tiers;
}

function toRegulated(tenants: number, duties: readonly Regime[]): Tier {
  const needsOwn = duties.some((duty) => strict.has(duty));
  // A server each is what auditors like best, and what only a few can pay for.
  const isolation: Isolation = needsOwn && tenants < 20 ? 'dedicated' : 'database';
  return {
    who: 'regulated tenants',
    tenants,
    isolation,
    because: [
      `${duties.map((duty) => duty.toUpperCase()).join(', ')}: a database of its own is an apartness that can be shown`,
      ...(isolation === 'dedicated' ? ['fewer than 20 of them: a server each is affordable'] : []),
    ],
  };
}

function toUsual(tenants: number, { priceUsd, residency, ownTables }: Situation): Tier {
  const who = 'all other tenants';
  if (priceUsd !== undefined && priceUsd >= 2_000 && tenants < 20)
    return {
      who,
      tenants,
      isolation: 'dedicated',
      because: ['fewer than 20, and each pays for a server of its own ($500–2,000 a month)'],
    };
  if (residency === 'needed')
    return {
      who,
      tenants,
      isolation: 'database',
      because: ['data must stay in a place: databases go to servers in the region'],
    };
  if (ownTables === 'needed')
    return { who, tenants, isolation: 'schema', because: ['tables of their own need a schema of their own'] };
  if (priceUsd !== undefined && priceUsd > 200 && tenants >= 50 && tenants <= 200)
    return {
      who,
      tenants,
      isolation: 'database',
      because: ['50 to 200 tenants that pay more than $200 a month carry a database each ($5–15)'],
    };
  return {
    who,
    tenants,
    isolation: 'shared',
    because: [
      priceUsd !== undefined && priceUsd >= 20 && tenants >= 10 && tenants <= 500
        ? '10 to 500 tenants at $20–200 a month: namespaces in shared stores behind the wall ($3–7)'
        : 'many small tenants, or nothing that asks for more: shared tables behind the wall are the default',
    ],
  };
}

function toCautions(situation: Situation, isolations: readonly Isolation[]): readonly string[] {
  const { tenants, priceUsd, regimes: duties = [] } = situation;
  const each = costOf(tenants, (situation.costs ?? publishedCosts).database) / BigInt(Math.max(1, tenants));
  return [
    ...(isolations.includes('database') && tenants > 1_000
      ? ['more than a thousand databases: watch connections and the time of migrations']
      : []),
    ...(isolations.includes('schema') && tenants > 5_000
      ? ['more than some thousand schemas a server: add pool servers']
      : []),
    ...(isolations.includes('dedicated') && tenants > 200
      ? ['hundreds of servers are hundreds of things to patch: automate them first']
      : []),
    ...(priceUsd !== undefined &&
    isolations.includes('database') &&
    each > BigInt(Math.round(priceUsd * 1e9)) / 4n
      ? ['a database each takes more than a quarter of what a tenant pays']
      : []),
    ...(duties.includes('gdpr')
      ? ['GDPR asks for erasure and for where data is: plan both before the first tenant']
      : []),
  ];
}

const forms: Readonly<Record<string, Readonly<Record<Isolation, string>>>> = {
  rows: {
    shared: 'shared tables, forced row-level security',
    schema: 'a schema and a role each',
    database: 'a database and a login each',
    dedicated: 'a server each',
  },
  vectors: {
    shared: 'a namespace each, or a tenant column in every index',
    schema: 'a table each, in its schema',
    database: 'an index each, in its database',
    dedicated: 'an index each, on its server',
  },
  cache: {
    shared: 'keys below the tenant’s id, in one Redis',
    schema: 'keys below the tenant’s id, in one Redis',
    database: 'a logical database each',
    dedicated: 'a Redis each',
  },
  objects: {
    shared: 'a prefix each, one bucket',
    schema: 'a prefix each, one bucket',
    database: 'a bucket and a key each',
    dedicated: 'a bucket in its own account',
  },
  jobs: {
    shared: 'one queue, fair between tenants',
    schema: 'one queue, fair between tenants',
    database: 'a queue each',
    dedicated: 'workers of its own',
  },
};

function toStores(isolations: readonly Isolation[]): readonly StoreAdvice[] {
  return Object.entries(forms).map(([store, byIsolation]) => ({
    store,
    forms: isolations.map((isolation) => ({ isolation, form: byIsolation[isolation] })),
  }));
}

function toCosts({ tenants, costs = publishedCosts }: Situation): readonly CostLine[] {
  const counts = [...new Set([...comparedAt, tenants])].toSorted((a, b) => a - b);
  return ways.flatMap((way) =>
    counts.map((count) => {
      const totalNanoUsd = costOf(count, costs[way]);
      return { way, tenants: count, totalNanoUsd, eachNanoUsd: totalNanoUsd / BigInt(count) };
    }),
  );
}
