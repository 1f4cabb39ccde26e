import { toUsd } from '../../core/money.ts';
import type { Advice, Situation } from './advise.ts';
import { publishedRanges } from './cost-table.ts';
import { optionNames, scores, tradeOffs } from './trade-offs.ts';

/** The decision as an architecture decision record in Markdown: context, options, decision, consequences, log. */
export function toDecisionRecord(
  situation: Situation,
  advice: Advice,
  made: { readonly number: number; readonly date: string },
): string {
  const { tenants, enterpriseTenants = 0, priceUsd, regimes = [], residency, ownTables } = situation;
  const context = [
    `${tenants} tenants are expected${enterpriseTenants > 0 ? `, ${enterpriseTenants} of them enterprise` : ''}.`,
    priceUsd === undefined ? '' : `A usual tenant pays $${priceUsd} a month.`,
    regimes.length === 0
      ? 'No regime asks for more than good practice.'
      : `Duties: ${regimes.map((each) => each.toUpperCase()).join(', ')}.`,
    residency === 'needed' ? 'Data of some tenants must stay in a place.' : '',
    ownTables === 'needed' ? 'Some tenants need tables of their own.' : '',
  ].filter((sentence) => sentence !== '');
  return `# ${made.number}. Isolation of tenants: ${advice.option}

Status: proposed. Date: ${made.date}.

## Context
${context.join(' ')}

## Options
${toOptionTable()}

Scores of a published record for a mixed product: ${optionNames.map((name) => `${name} ${scores[name]}`).join(', ')} of 10.

## Decision
${advice.tiers.map(({ who, tenants: count, isolation }) => `- ${who} (${count}): **${isolation}**`).join('\n')}

Because:
${advice.reasons.map((reason) => `- ${reason}`).join('\n')}

Store by store:
${advice.stores.map(({ store, forms }) => `- ${store}: ${forms.map(({ isolation, form }) => (forms.length > 1 ? `${isolation}: ${form}` : form)).join('; ')}`).join('\n')}

## Consequences
${toCostTable(advice)}

${advice.cautions.length === 0 ? 'Nothing stands against it at this size.' : advice.cautions.map((caution) => `- ${caution}`).join('\n')}

A tenant can be moved to another isolation later, while it works.

## Log
- ${made.date}: proposed by \`bulkhead advise\`.
`;
}

function toOptionTable(): string {
  const rows = tradeOffs.map(
    (each) =>
      `| ${each.way} | ${each.cost} | ${each.performance} | ${each.security} | ${each.complexity} | ${each.backup} | ${each.compliance} | ${each.residency} | ${each.maxTenants} | ${each.bestFor} |`,
  );
  return [
    '| option | cost | performance | security | complexity | backup | compliance | residency | tenants | best for |',
    '|---|---|---|---|---|---|---|---|---|---|',
    ...rows,
  ].join('\n');
}

function toCostTable({ costs }: Advice): string {
  const rows = costs.map(
    ({ way, tenants, totalNanoUsd, eachNanoUsd }) =>
      `| ${way} | ${tenants} | ${toUsd(totalNanoUsd)} | ${toUsd(eachNanoUsd)} | ${publishedRanges[way]} |`,
  );
  return [
    '| way | tenants | USD a month | USD each | published range each |',
    '|---|---|---|---|---|',
    ...rows,
  ].join('\n');
}
