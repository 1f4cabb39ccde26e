import { isolations } from '../../../core/placement.ts';
import type { VerificationResult } from '../../verification.ts';
import type { Predicate } from '../statement.ts';
import { badge, html, table, type Markup } from './html.ts';

/** The five questions of a customer's security team, each answered from what was found. */
export function questions(predicate: Predicate): readonly Markup[] {
  return [
    isolation(predicate),
    accessLog(predicate),
    engineers(predicate),
    blastRadius(predicate),
    evidence(predicate),
  ];
}

const walls: Readonly<Record<(typeof isolations)[number], readonly [string, string]>> = {
  shared: ['tables with other tenants', 'forced row-level security on a signed context'],
  schema: ['a schema of its own', 'a role of its own, and the same row-level security'],
  database: [
    'a database of its own',
    'a login of its own, no other may connect, and the same row-level security',
  ],
  dedicated: [
    'a server of its own',
    'a server nobody else can reach, a login of its own, and the same row-level security',
  ],
};

function isolation({ facts, verification }: Predicate): Markup {
  const { executed, pairs } = verification;
  const leaks = leaksOf(verification);
  const proofs = verification.proofs.filter(({ result }) => result?.verdict === 'held').length;
  return html`<section>
    <h2>1. How is our data kept apart from other customers’?</h2>
    <p class="answer">
      Every statement runs in one tenant’s signed context, and the database itself refuses what is another’s.
      ${executed} attacks were carried out between tenants:
      ${leaks === 0 ? 'all of them failed' : `${leaks} got through, see below`}. ${proofs} of
      ${verification.proofs.length} databases were proved from their catalogue.
    </p>
    ${table(
      [
        { title: 'isolation' },
        { title: 'the tenant has' },
        { title: 'what holds the wall' },
        { title: 'active tenants', numeric: true },
      ],
      isolations.map((each) => [each, ...walls[each], facts.tenants[each]]),
    )}
    <h3>Each isolation attacked by each</h3>
    ${matrix(pairs)}
  </section>`;
}

function leaksOf({ attacks }: VerificationResult): number {
  return attacks.reduce((sum, { leaked }) => sum + leaked, 0);
}

function matrix(pairs: VerificationResult['pairs']): Markup {
  const seen = isolations.filter((each) => pairs.some(({ attacker }) => attacker === each));
  const cell = (attacker: string, victim: string): Markup => {
    const pair = pairs.find((one) => one.attacker === attacker && one.victim === victim);
    if (pair === undefined) return html`-`;
    return pair.leaked > 0
      ? badge(`${pair.leaked} leaked`, 'bad')
      : html`${pair.held} held${pair.untested > 0 ? `, ${pair.untested} untested` : ''}`;
  };
  return table(
    [{ title: 'attacker' }, ...seen.map((victim) => ({ title: `${victim} victim`, numeric: true as const }))],
    seen.map((attacker) => [attacker, ...seen.map((victim) => cell(attacker, victim))]),
  );
}

function accessLog({ facts }: Predicate): Markup {
  const { since, tenants, actions, crossTenantAttempts } = facts.access;
  return html`<section>
    <h2>2. Who accessed our data, and when?</h2>
    <p class="answer">
      Every change of a tenant by the control plane, every key issued or revoked, and every attempt to name
      another tenant is written to that tenant’s audit trail with who, what and when. Attempts on other
      tenants since ${since.slice(0, 10)}: ${crossTenantAttempts}.
    </p>
    <p class="lead">
      Trails of ${tenants} active tenants, summed. Reads and writes of single rows by a tenant’s own keys are
      not listed here; the application logs its requests with tenant and key id.
    </p>
    ${
      actions.length === 0
        ? html`<p>No entry since then.</p>`
        : table(
            [{ title: 'who' }, { title: 'what' }, { title: 'times', numeric: true }],
            actions.slice(0, 25).map(({ actor, action, count }) => [actor, action, count]),
          )
    }
  </section>`;
}

function engineers({ facts }: Predicate): Markup {
  const routes = facts.engineers.operatorRoutesWithData;
  return html`<section>
    <h2>3. Can your engineers see our data?</h2>
    <p class="answer">
      ${routes.length === 0 ? 'Not through this product: no route of the control plane returns what a tenant stores.' : `Through this product by these routes of the control plane, with the operator’s token: ${routes.join(', ')}.`}
      Whoever administers the database server can: the login roles there that pass row-level security are
      named here, so that you can ask about each.
    </p>
    ${table(
      [{ title: 'database' }, { title: 'login roles that pass row-level security' }],
      facts.databases.map(({ database, privileged: roles }) => [database, roles.join(', ') || 'none']),
    )}
    <p class="lead">
      Time-boxed, approved emergency access does not exist in this version: it is neither offered nor hidden.
    </p>
  </section>`;
}

function blastRadius({ facts, verification }: Predicate): Markup {
  return html`<section>
    <h2>4. If something is compromised, how far does it reach?</h2>
    <p class="answer">
      A stolen key reaches the tenant it was issued to.
      ${leaksOf(verification) === 0 ? 'Code running as one tenant reached nothing of another in the attacks.' : 'Code running as one tenant reached more in the attacks: see the result.'}
      Whoever holds a database server’s administration reaches every tenant in it.
    </p>
    ${table(
      [{ title: 'what is lost' }, { title: 'tenants in reach', numeric: true }],
      [
        ['a tenant’s API key', 1],
        ['a live context of one tenant', 1],
        ...facts.databases.map(
          ({ database, tenants }) => [`administration of ${database}`, tenants] as const,
        ),
        ['the operator’s token (control plane, no rows)', 0],
      ],
    )}
    <p class="lead">
      Shared tenants stay neighbours in load: a noisy one is held back by limits and a fair queue, not by a
      machine of its own. A namespace or a schema is not a physical wall.
    </p>
    ${list('Not covered by the attacks', verification.notCovered)}
  </section>`;
}

function evidence({ verification, nature, facts }: Predicate): Markup {
  const { mutations, controls, catalogue } = verification;
  const scores = [
    { name: 'faults of our own code', score: mutations.code },
    { name: 'ways to break the schema', score: mutations.schemas },
  ];
  return html`<section>
    <h2>5. What can you show an auditor or a penetration tester?</h2>
    <p class="answer">
      This file. It is signed, dated and can be checked without us; the attacks can be repeated by you with
      <code>bulkhead verify</code>. ${nature}
    </p>
    <h3>Would the verifier notice?</h3>
    ${table(
      [{ title: 'broken on purpose' }, { title: 'noticed', numeric: true }, { title: 'missed' }],
      scores.map(({ name, score }) =>
        score === undefined
          ? [name, 'not measured', '']
          : [name, `${score.caught} of ${score.planted}`, score.missed.join('; ') || 'none'],
      ),
    )}
    ${table(
      [
        { title: 'control: a secret that may be read' },
        { title: 'found' },
        { title: 'probes that noticed', numeric: true },
      ],
      controls.map(({ store, found, noticed, probes }) => [
        store,
        found ? badge('found', 'good') : badge('not found', 'bad'),
        `${noticed} of ${probes}`,
      ]),
    )}
    <h3>Ways across, one by one</h3>
    ${table(
      [{ title: 'no.' }, { title: 'way across' }, { title: 'result' }, { title: 'looked at by' }],
      catalogue.map(({ id, title, result, by, because }) => [
        id,
        title,
        toBadge(result),
        by.slice(0, 6).join(', ') || because,
      ]),
    )}
    <h3>For a SOC 2 or ISO 27001 file</h3>
    <p>
      Logical access (CC6.1, A.8.3): questions 1 and 3. Monitoring (CC7.2, A.8.15): question 2. Change and
      vulnerability testing (CC7.1, CC8.1, A.8.29): this section, ${facts.databases.length} databases proved.
      These are pointers to what an auditor may use, and no statement that a control is met.
    </p>
  </section>`;
}

function toBadge(result: VerificationResult['catalogue'][number]['result']): Markup {
  if (result === 'held') return badge('held', 'good');
  return result === 'leaked' ? badge('leaked', 'bad') : badge(result.replace('_', ' '), 'plain');
}

export function list(title: string, items: readonly string[]): Markup {
  return items.length === 0
    ? html``
    : html`<h3>${title}</h3>
        <ul>
          ${items.map((item) => html`<li>${item}</li>`)}
        </ul>`;
}
