import type { EvidenceCheck } from '../check.ts';
import type { Predicate, Statement } from '../statement.ts';
import { badge, html, table, type Markup } from './html.ts';
import { list, questions } from './questions.ts';
import { style } from './style.ts';

/** One file that needs nothing else: for reading, and for printing. @param check of the very file it is made from */
export function toHtmlReport(check: EvidenceCheck & { readonly statement: Statement }): string {
  const { predicate } = check.statement;
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>Evidence of tenant isolation, ${predicate.madeAt.slice(0, 10)}</title>
        <style>
          ${{ html: style }}
        </style>
      </head>
      <body>
        <header>
          <h1>Evidence of tenant isolation</h1>
          <p class="lead">${predicate.nature}</p>
        </header>
        ${summary(check, predicate)}${reasons(predicate)}${questions(predicate)}${proofs(predicate)}${attacks(predicate)}
        <footer>
          Made by Bulkhead ${predicate.verification.versions.bulkhead} on ${predicate.madeAt}. Whoever has the
          signed file and the public key can check that this is what it says:
          <code>bulkhead evidence verify FILE --key PUB</code>
        </footer>
      </body>
    </html>`;
  return `${page.html}\n`;
}

function summary(
  check: EvidenceCheck,
  { verification, madeAt, expiresAt, nonce, inputsSha256 }: Predicate,
): Markup {
  const { verdict, executed, tenants, versions, durationMs } = verification;
  const kept = tenants.filter(({ kind }) => kind === 'kept').length;
  return html`<dl class="verdict">
    <dt>Result</dt>
    <dd>
      ${badge(verdict, verdict === 'held' ? 'good' : 'bad')}: ${executed} attacks carried out,
      ${verification.attacks.reduce((sum, line) => sum + line.leaked, 0)} leaked
    </dd>
    <dt>Signature</dt>
    <dd>
      ${badge(check.state, check.state === 'genuine' ? 'good' : 'bad')}, Ed25519 key
      <code>${check.keyId.slice(0, 16)}…</code>
    </dd>
    <dt>Made</dt>
    <dd>
      ${madeAt}, to be repeated by ${expiresAt.slice(0, 10)}; the attacks took
      ${(durationMs / 1_000).toFixed(1)} s
    </dd>
    <dt>Scope</dt>
    <dd>
      ${tenants.length - kept} throw-away tenants, ${kept} tenants that were there,
      ${verification.proofs.length} databases, stores: ${verification.compartments.join(', ')}
    </dd>
    <dt>Versions</dt>
    <dd>
      Bulkhead ${versions.bulkhead}, Node ${versions.node}, PostgreSQL
      ${versions.servers.join(', ') || 'unknown'}
    </dd>
    <dt>Asked with</dt>
    <dd>
      ${nonce === '' ? 'no nonce' : html`nonce <code>${nonce}</code>`}; inputs
      <code>${inputsSha256.slice(0, 16)}…</code>
    </dd>
  </dl>`;
}

function reasons({ verification }: Predicate): Markup {
  return list('Why it is no pass', verification.reasons);
}

function proofs({ verification, assumptions }: Predicate): Markup {
  const claims = [...new Set(verification.proofs.flatMap(({ result }) => result?.claim ?? []))];
  return html`<section>
    <h2>Appendix A. Proof from the catalogue</h2>
    ${table(
      [
        { title: 'database' },
        { title: 'tenants', numeric: true },
        { title: 'relations', numeric: true },
        { title: 'conditions', numeric: true },
        { title: 'verdict' },
        { title: 'hash of what was read' },
      ],
      verification.proofs.map(({ database, tenants, result, because }) => [
        database,
        tenants,
        result?.looked.relations ?? 0,
        result?.conditions.length ?? 0,
        result === undefined
          ? badge(because ?? 'not asked', 'bad')
          : badge(result.verdict, result.verdict === 'held' ? 'good' : 'bad'),
        html`<code>${result?.inputsSha256.slice(0, 16) ?? ''}</code>`,
      ]),
    )}
    ${list('What is claimed', claims)}${list('What is assumed', assumptions)}
  </section>`;
}

function attacks({ verification }: Predicate): Markup {
  return html`<section>
    <h2>Appendix B. Every attack</h2>
    ${table(
      [
        { title: 'attack' },
        { title: 'ways' },
        { title: 'how' },
        { title: 'tried', numeric: true },
        { title: 'held', numeric: true },
        { title: 'leaked', numeric: true },
        { title: 'untested', numeric: true },
      ],
      verification.attacks.map(({ id, attacks: ways, how, tried, held, leaked, untested, because }) => [
        html`<code>${id}</code>`,
        ways.join(' '),
        leaked + untested > 0 ? `${how}: ${because.join('; ')}` : how,
        tried,
        held,
        leaked === 0 ? 0 : badge(`${leaked}`, 'bad'),
        untested,
      ]),
    )}
  </section>`;
}
