import { isolations, type Isolation } from '../core/placement.ts';
import type { Page } from '../cli/output.ts';
import type { Cell } from '../cli/text/table.ts';
import { toDuration } from '../cli/text/when.ts';
import type { AttackRow, DemoReport, PairRow, SearchResult } from './report.ts';
import { bestMatches } from './toy.ts';

/** The report for somebody who has never heard of any of it. */
export function drawDemo(page: Page, report: DemoReport): string {
  return [
    drawWork(page, report),
    drawWrongWay(page, report),
    drawSearch(page, report),
    drawPairs(page, report.pairs),
    drawAttacks(page, report.attacks),
    drawSummary(page, report),
  ].join('\n\n');
}

function section(page: Page, title: string, explanation: string, body: string): string {
  return [page.paint('strong', title), explanation, '', body].join('\n');
}

const gives: Record<Isolation, string> = {
  shared: 'tables with the other shared tenants',
  schema: 'a schema of its own',
  database: 'a database of its own',
  dedicated: 'a server of its own',
};

function drawWork(page: Page, { work, tenants, paragraphs }: DemoReport): string {
  return section(
    page,
    '1. The work',
    `${tenants} tenants store ${paragraphs} paragraphs, list them and read each one back: the same code on every isolation.`,
    page.table(
      [
        { title: 'isolation' },
        { title: 'the tenant has', shrink: 'when_narrow' },
        { title: 'tenants', align: 'right' },
        { title: 'paragraphs', align: 'right' },
        { title: 'ready in', align: 'right' },
        { title: 'create', align: 'right' },
        { title: 'list 20', align: 'right' },
        { title: 'get', align: 'right' },
      ],
      work.map((row) => [
        row.isolation,
        gives[row.isolation],
        row.tenants.toString(),
        row.paragraphs.toString(),
        toDuration(row.readyMs),
        toDuration(row.createMs),
        toDuration(row.listMs),
        toDuration(row.getMs),
      ]),
    ),
  );
}

function seenRow(query: string, seen: { rows: number; tenants: number }): readonly (Cell | string)[] {
  const style = seen.tenants > 1 ? 'bad' : 'good';
  return [query, seen.rows.toString(), { text: seen.tenants.toString(), style }];
}

function drawWrongWay(page: Page, { wrongWay, tenants }: DemoReport): string {
  const { withFilter, filterForgotten, bulkhead } = wrongWay;
  return section(
    page,
    '2. The wrong way, and ours',
    `A toy keeps all ${tenants} tenants in one table, and every query has to say WHERE tenant = …. One tenant lists its documents:`,
    page.table(
      [
        { title: 'query' },
        { title: 'rows', align: 'right' },
        { title: 'tenants in the answer', align: 'right' },
      ],
      [
        seenRow('toy: select … where tenant = ?', withFilter),
        seenRow('toy: select …   (filter forgotten)', filterForgotten),
        seenRow('Bulkhead: select …   (nothing to forget)', bulkhead),
      ],
    ),
  );
}

/** Finding is what the control is for, and what everybody else must not. */
function foundCell({ found, asked }: SearchResult, as: 'control' | 'leak'): Cell {
  const style = as === 'control' ? 'dim' : found === 0 ? 'good' : 'bad';
  return { text: `${found} of ${asked}`, style };
}

function drawSearch(page: Page, { search }: DemoReport): string {
  const { ownerAsks, neighbourAsksToy, neighbourAsksBulkhead } = search;
  return section(
    page,
    '3. What a forgotten filter costs',
    `${ownerAsks.asked} questions, each answered by one tenant’s document only. Found = the answer is among the best ${bestMatches} matches.`,
    page.table(
      [{ title: 'who asks' }, { title: 'where' }, { title: 'found', align: 'right' }],
      [
        ['the owner (so the search works)', 'Bulkhead', foundCell(ownerAsks, 'control')],
        [
          '… and as the first match',
          'Bulkhead',
          foundCell({ ...ownerAsks, found: ownerAsks.first }, 'control'),
        ],
        ['a neighbour', 'toy, filter forgotten', foundCell(neighbourAsksToy, 'leak')],
        ['a neighbour', 'Bulkhead', foundCell(neighbourAsksBulkhead, 'leak')],
      ],
    ),
  );
}

/** The worst that happened; nothing tried is no verdict. */
function verdictCell(counts: Pick<PairRow, 'held' | 'leaked' | 'untested'> | undefined): Cell {
  if (counts === undefined) return { text: '-', style: 'dim' };
  const { held, leaked, untested } = counts;
  if (leaked > 0) return { text: `${leaked} LEAKED`, style: 'bad' };
  return untested > 0
    ? { text: `${untested} untested`, style: 'warn' }
    : { text: `${held} held`, style: 'good' };
}

function drawPairs(page: Page, pairs: readonly PairRow[]): string {
  const seen = isolations.filter((isolation) => pairs.some(({ attacker }) => attacker === isolation));
  return section(
    page,
    '4. Every isolation attacks every other',
    'Each store plants a secret in the victim and tries to reach it as the attacker: by id, by forged context, by errors …',
    page.table(
      [
        { title: 'attacker' },
        ...seen.map((title) => ({ title: `${title} victim`, align: 'right' as const })),
      ],
      seen.map((attacker) =>
        Array.of<Cell>({ text: attacker }).concat(
          seen.map((victim) =>
            verdictCell(pairs.find((pair) => pair.attacker === attacker && pair.victim === victim)),
          ),
        ),
      ),
    ),
  );
}

const fronts: Record<AttackRow['front'], string> = {
  store: 'inside the store',
  library: 'in the application’s code',
  http: 'over HTTP',
};

function drawAttacks(page: Page, attacks: readonly AttackRow[]): string {
  return section(
    page,
    '5. Every attack',
    'A second tenant tries, with a valid key of its own where one is needed.',
    page.table(
      [
        { title: 'where' },
        { title: 'attack', shrink: 'when_narrow' },
        { title: 'tried', align: 'right' },
        { title: 'result', align: 'right' },
        { title: 'because', shrink: 'when_narrow' },
      ],
      attacks.map((row) => [
        fronts[row.front],
        row.attack,
        row.attempts.toString(),
        verdictCell(row),
        row.because ?? '',
      ]),
    ),
  );
}

function drawSummary(page: Page, report: DemoReport): string {
  const { held, leaked, untested, seconds, search, notCovered } = report;
  const tried = held + leaked + untested;
  const verdict =
    leaked > 0
      ? page.paint('bad', `${leaked} of ${tried} attacks got through.`)
      : page.paint('good', `${tried} attacks, ${held} held, none got through.`);
  return [
    `${verdict} A forgotten filter would have given away ${search.neighbourAsksToy.found} of ${search.neighbourAsksToy.asked} answers.`,
    ...(untested > 0
      ? [page.paint('warn', `${untested} attacks could not be tried and count for nothing.`)]
      : []),
    ...notCovered.map((text) => page.paint('warn', `not covered: ${text}`)),
    page.paint('dim', `${toDuration(seconds * 1_000)}. Text: ${report.source}`),
  ].join('\n');
}
