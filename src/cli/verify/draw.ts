import { isolations } from '../../core/placement.ts';
import type { VerificationDetailView, VerificationReportView } from '../../client/schemas/verifications.ts';
import type { Page } from '../output.ts';
import type { Cell } from '../text/table.ts';
import { toDuration } from '../text/when.ts';

type Report = VerificationReportView;

/** For a person who wants to know whether it held, and if not, where. */
export function drawVerification(page: Page, { verdict, report }: VerificationDetailView): string {
  if (report === null) return '';
  const parts = [
    drawFronts(page, report),
    drawPairs(page, report),
    drawProofs(page, report),
    drawControls(page, report),
    drawScores(page, report),
    drawNotCovered(page, report),
    drawVerdict(page, verdict, report),
  ];
  return parts.filter((part) => part !== '').join('\n\n');
}

function titled(page: Page, title: string, body: string): string {
  return `${page.paint('strong', title)}\n${body}`;
}

function leakCell({ leaked, untested }: { readonly leaked: number; readonly untested: number }): Cell {
  if (leaked > 0) return { text: `${leaked} LEAKED`, style: 'bad' };
  return untested > 0 ? { text: `${untested} untested`, style: 'warn' } : { text: 'held', style: 'good' };
}

const fronts = {
  store: 'inside the stores',
  scope: 'in the application’s code',
  pool: 'on pooled connections',
  registry: 'in the control plane',
  http: 'over HTTP',
} as const satisfies Record<Report['attacks'][number]['front'], string>;

/** A line for each front, and one for each attack that did not hold. */
function drawFronts(page: Page, { attacks }: Report): string {
  const byFront = Map.groupBy(attacks, ({ front }) => front);
  const rows = [...byFront].map(([front, lines]) => {
    const sum = (of: 'tried' | 'held' | 'leaked' | 'untested'): number =>
      lines.reduce((total, line) => total + line[of], 0);
    return [
      fronts[front],
      lines.length.toString(),
      sum('tried').toString(),
      sum('held').toString(),
      leakCell({ leaked: sum('leaked'), untested: sum('untested') }),
    ];
  });
  const table = page.table(
    [
      { title: 'attacked' },
      { title: 'attacks', align: 'right' },
      { title: 'tried', align: 'right' },
      { title: 'held', align: 'right' },
      { title: 'result' },
    ],
    rows,
  );
  const bad = attacks.filter(({ leaked, untested }) => leaked + untested > 0);
  const details = bad.map(({ id, because, leaked }) =>
    page.paint(leaked > 0 ? 'bad' : 'warn', `${id}: ${because.join('; ')}`),
  );
  return titled(page, 'Attacks', [table, ...details].join('\n'));
}

function drawPairs(page: Page, { pairs }: Report): string {
  const seen = isolations.filter((isolation) =>
    pairs.some(({ attacker, victim }) => attacker === isolation || victim === isolation),
  );
  return titled(
    page,
    'Each isolation by each',
    page.table(
      [
        { title: 'attacker' },
        ...seen.map((title) => ({ title: `${title} victim`, align: 'right' as const })),
      ],
      seen.map((attacker) => [
        attacker,
        ...seen.map((victim): Cell => {
          const pair = pairs.find((one) => one.attacker === attacker && one.victim === victim);
          if (pair === undefined) return { text: '-', style: 'dim' };
          const cell = leakCell(pair);
          return { ...cell, text: cell.text === 'held' ? `${pair.held} held` : cell.text };
        }),
      ]),
    ),
  );
}

function drawProofs(page: Page, { proofs }: Report): string {
  return titled(
    page,
    'Proofs',
    page.table(
      [
        { title: 'database', shrink: 'when_narrow' },
        { title: 'tenants', align: 'right' },
        { title: 'relations', align: 'right' },
        { title: 'verdict' },
        { title: 'because', shrink: 'when_narrow' },
      ],
      proofs.map(({ database, tenants, relations, verdict, because, errors }) => [
        database,
        tenants.toString(),
        relations.toString(),
        { text: verdict ?? 'not asked', style: verdict === 'held' ? 'good' : 'bad' },
        because ?? errors[0] ?? '',
      ]),
    ),
  );
}

function drawControls(page: Page, { controls }: Report): string {
  return titled(
    page,
    'Controls: secrets that may be read must be found',
    page.table(
      [{ title: 'store' }, { title: 'found' }, { title: 'probes that noticed', align: 'right' }],
      controls.map(({ store, found, noticed, probes }) => [
        store,
        found ? { text: 'found', style: 'good' } : { text: 'NOT FOUND', style: 'bad' },
        `${noticed} of ${probes}`,
      ]),
    ),
  );
}

function drawScores(page: Page, { mutations }: Report): string {
  const scores = [
    ['faults of our own code', mutations.code],
    ['ways to break the schema', mutations.schemas],
  ] as const;
  if (scores.every(([, score]) => score === null)) return '';
  const lines = scores.flatMap(([name, score]) => {
    if (score === null) return [];
    const text = `${name}: caught ${score.caught} of ${score.planted} planted`;
    return [
      page.paint(score.missed.length === 0 ? 'good' : 'bad', text),
      ...score.missed.map((missed) => page.paint('bad', `  missed: ${missed}`)),
    ];
  });
  return titled(page, 'Would it be noticed', lines.join('\n'));
}

function drawNotCovered(page: Page, { notCovered }: Report): string {
  return notCovered.length === 0
    ? ''
    : titled(page, 'Not covered', notCovered.map((text) => page.paint('dim', `- ${text}`)).join('\n'));
}

function drawVerdict(page: Page, verdict: VerificationDetailView['verdict'], report: Report): string {
  const { executed, reasons, durationMs, stirred } = report;
  const meanwhile =
    stirred === null
      ? ''
      : ` Meanwhile ${stirred.statements} statements, ${stirred.moves} moves and ${stirred.migrations} migrations ran.`;
  const took = page.paint('dim', `${toDuration(durationMs)}.${meanwhile}`);
  if (verdict === 'held') return `${page.paint('good', `${executed} attacks, every one held.`)} ${took}`;
  return [
    page.paint('bad', `${(verdict ?? 'failed').toUpperCase()}: ${reasons.length} reasons`),
    ...reasons.map((reason) => page.paint('bad', `- ${reason}`)),
    took,
  ].join('\n');
}
