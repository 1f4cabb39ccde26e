import { describe, expect, test } from 'vitest';
import { advise, type Situation } from '../../src/billing/advise/advise.ts';
import { costOf, publishedCosts } from '../../src/billing/advise/cost-table.ts';
import { toDecisionRecord } from '../../src/billing/advise/record.ts';
import { scores, tradeOffs } from '../../src/billing/advise/trade-offs.ts';
import { parseUsd, toUsd } from '../../src/core/money.ts';

describe('what is advised', () => {
  test.each([
    ['many small ones', { tenants: 5_000 }, 'shared'],
    ['a usual product at 20 to 200 dollars', { tenants: 300, priceUsd: 99 }, 'shared'],
    ['nothing known', { tenants: 1 }, 'shared'],
    ['under HIPAA', { tenants: 100, regimes: ['hipaa'] }, 'database'],
    ['under FedRAMP, and few', { tenants: 12, regimes: ['fedramp'] }, 'dedicated'],
    ['under GDPR', { tenants: 50, regimes: ['gdpr'] }, 'database'],
    ['enterprise alone', { tenants: 40, enterpriseTenants: 40 }, 'schema'],
    ['50 to 200 that pay well', { tenants: 120, priceUsd: 500 }, 'database'],
    ['fewer than 20 that pay for a server', { tenants: 8, priceUsd: 5_000 }, 'dedicated'],
    ['own tables', { tenants: 30, ownTables: 'needed' }, 'schema'],
    ['a mix', { tenants: 500, enterpriseTenants: 20, regimes: ['hipaa'], regulatedTenants: 5 }, 'hybrid'],
  ] as const satisfies readonly (readonly [string, Situation, string])[])(
    '%s',
    (_, situation: Situation, option) => {
      const advice = advise(situation);
      expect(advice.option).toBe(option);
      expect(advice.reasons.length).toBeGreaterThan(0);
      expect(advice.tiers.reduce((sum, { tenants }) => sum + tenants, 0)).toBe(situation.tenants);
      expect(advice.stores.length).toBeGreaterThanOrEqual(5);
    },
  );

  test('each kind of tenant of a mix gets the form it needs, and not the strictest for all', () => {
    const advice = advise({ tenants: 500, enterpriseTenants: 20, regimes: ['hipaa'], regulatedTenants: 50 });
    expect(advice.tiers.map(({ tenants, isolation }) => [tenants, isolation])).toEqual([
      [50, 'database'],
      [20, 'schema'],
      [430, 'shared'],
    ]);
  });
});

describe('what it costs', () => {
  test('is the published table at 10, 100 and 500 tenants', () => {
    const shown = advise({ tenants: 10 }).costs.map(({ way, tenants, totalNanoUsd, eachNanoUsd }) =>
      [way, tenants, toUsd(totalNanoUsd), toUsd(eachNanoUsd)].join(' '),
    );
    expect(shown).toEqual([
      'namespace 10 70.00 7.00',
      'namespace 100 380.00 3.80',
      'namespace 500 1550.00 3.10',
      'database 10 150.00 15.00',
      'database 100 800.00 8.00',
      'database 500 3500.00 7.00',
      'single 10 5000.00 500.00',
      'single 100 50000.00 500.00',
      'single 500 250000.00 500.00',
    ]);
  });

  test('between the points lies on the line, beyond them follows the nearest', () => {
    const at = (tenants: number): string => toUsd(costOf(tenants, publishedCosts.namespace));
    expect([at(1), at(55), at(1_000)]).toEqual(['7.00', '225.00', '3100.00']);
  });

  test('is the user’s own where the user has said so', () => {
    const own = { ...publishedCosts, namespace: [{ tenants: 10, totalNanoUsd: parseUsd('10') ?? 0n }] };
    const [line] = advise({ tenants: 10, costs: own }).costs;
    expect(toUsd(line?.eachNanoUsd ?? 0n)).toBe('1.00');
  });
});

test('the record has context, options, decision, consequences and log, with the tables to decide by', () => {
  const situation = { tenants: 300, regimes: ['gdpr'], regulatedTenants: 30, priceUsd: 99 } as const;
  const made = { number: 4, date: '2026-11-29' };
  const text = toDecisionRecord(situation, advise(situation), made);
  expect([...text.matchAll(/^## (\w+)$/gm)].map(([, title]) => title)).toEqual([
    'Context',
    'Options',
    'Decision',
    'Consequences',
    'Log',
  ]);
  expect(text).toContain('shared 9, schema 6, database 4, hybrid 7 of 10');
  expect(text).toContain('| namespace | 100 | 380.00 | 3.80 | $3–7 |');
  for (const { way, maxTenants } of tradeOffs)
    expect(text).toMatch(new RegExp(`\\| ${way} \\|.*${maxTenants}`));
  expect(Object.values(scores)).toEqual([9, 6, 4, 7]);
});
