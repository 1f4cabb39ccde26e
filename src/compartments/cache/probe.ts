import { hash, randomUUID } from 'node:crypto';
import type { Finding, ProbeTarget } from '../../core/compartment.ts';
import { isBulkheadError } from '../../core/errors.ts';
import { openScope, type Scope } from '../../core/scope.ts';
import { answersFeature, createAnswerCache, type Embed } from './answers.ts';
import type { CacheHandle, SessionHandle } from './cache.ts';
import { toEnvelopeText } from './envelope.ts';
import { createCacheHandle, type HandleParts } from './handle.ts';
import { toKey, type CacheKey } from './key.ts';
import type { CacheWay } from './way.ts';

export interface ProbeParts {
  readonly parts: HandleParts;
  readonly openNow: (scope: Scope) => CacheHandle;
  /** Of the questions the probe asks. */
  readonly embed: Embed;
  readonly sessions: (scope: Scope) => SessionHandle;
  readonly wayOf: (scope: Scope, parts?: HandleParts) => CacheWay;
}

interface Stage {
  readonly target: ProbeTarget;
  readonly attacker: CacheHandle;
  readonly victim: CacheHandle;
  /** Under this key the victim keeps `canary`; the attacker has nothing there. */
  readonly key: CacheKey;
  readonly canary: string;
  readonly own: ProbeParts;
}

interface Probe {
  readonly name: string;
  readonly attack: string;
  /** @returns what leaked or broke, or undefined where the wall held */
  run(stage: Stage): Promise<string | undefined>;
}

const probes: readonly Probe[] = [
  {
    name: 'same-key',
    attack: 'A44',
    run: async ({ attacker, key }) => seen(await attacker.get(key)),
  },
  {
    name: 'delimiter-collision',
    attack: 'A44',
    async run({ attacker, key, canary }) {
      // Were parts joined as they are, each of these were the victim's key, or another's.
      const [first, second = ''] = key;
      await attacker.set([`${first}:${second}`], 'other');
      const value = await attacker.get([first, second]);
      await attacker.invalidate([`${first}:${second}`]);
      if (value === canary) return 'the canary was read';
      return value === undefined ? undefined : 'two keys are one';
    },
  },
  {
    name: 'prefix-of-the-victim-as-key',
    attack: 'A44',
    async run({ attacker, target, key }) {
      const { tenantId } = target.victim;
      const tails = hostileKeys(tenantId, toKey(key));
      const values = await Promise.all(tails.map((tail) => attacker.get([tail]).catch(() => undefined)));
      return values.some((value) => value !== undefined) ? 'a foreign value was read' : undefined;
    },
  },
  {
    name: 'pattern-of-everything',
    attack: 'A44',
    async run({ attacker, victim, target, key, canary }) {
      const { tenantId } = target.victim;
      for (const pattern of ['*', '*:*', `*tenant:${tenantId}:*`, '[a-z]*', '?*', '\\*', '*\n*'])
        await attacker.invalidateMatching(pattern);
      return (await victim.get(key)) === canary ? undefined : 'the canary is gone';
    },
  },
  {
    name: 'invalidate-all',
    attack: 'A44',
    async run({ attacker, victim, key, canary }) {
      await attacker.invalidateAll();
      return (await victim.get(key)) === canary ? undefined : 'the canary is gone';
    },
  },
  { name: 'answers-after-cancelled-calls', attack: 'A43', run: desynchronise },
  { name: 'foreign-envelope-under-own-key', attack: 'A43', run: tamper },
  {
    name: 'session-replayed-on-another-tenant',
    attack: 'A44',
    async run({ own, target }) {
      const user = `probe-${randomUUID()}`;
      const theirs = own.sessions(target.victim);
      const { token } = await theirs.create({ user, ttlMs: 60_000 });
      const replayed = await own.sessions(target.attacker).verify(token);
      const revoked = await own.sessions(target.attacker).revokeUser(user);
      const alive = await theirs.verify(token);
      await theirs.revokeUser(user);
      if (replayed !== undefined) return 'a foreign session was accepted';
      return alive === undefined || revoked > 0 ? 'a foreign session was ended' : undefined;
    },
  },
  { name: 'answer-to-the-question-of-another', attack: 'A46', run: askAsAnother },
  {
    name: 'export-of-the-attacker',
    attack: 'A44',
    async run({ own, target, canary }) {
      const { site } = own.wayOf(target.attacker);
      for await (const keys of site.store.keys(site.space)) {
        const values = await site.store.read(site.space, keys);
        if (values.some((stored) => stored?.value.includes(canary) === true))
          return 'the canary stands there';
      }
      return undefined;
    },
  },
];

/** Attacks of one live tenant on another, over the same store. Leaves neither with anything of it. */
export async function probeCache(target: ProbeTarget, own: ProbeParts): Promise<readonly Finding[]> {
  const key: CacheKey = ['probe', randomUUID()];
  const canary = randomUUID();
  const attacker = own.openNow(target.attacker);
  const victim = own.openNow(target.victim);
  const findings: Finding[] = [];
  try {
    for (const probe of probes) {
      await victim.set(key, canary);
      const planted = (await victim.get(key).catch(() => undefined)) === canary;
      const stage: Stage = { target, attacker, victim, key, canary, own };
      findings.push(planted ? await judge(probe, stage) : untested(probe));
    }
  } finally {
    await victim.invalidate(key).catch(() => undefined);
    await attacker.invalidateMatching('probe:*').catch(() => undefined);
  }
  return findings;
}

async function judge(probe: Probe, stage: Stage): Promise<Finding> {
  const { name, attack } = probe;
  try {
    const leaked = await probe.run(stage);
    return leaked === undefined
      ? { probe: `cache/${name}`, attack, result: 'held', because: 'nothing of the victim was reached' }
      : { probe: `cache/${name}`, attack, result: 'leaked', because: leaked };
  } catch (cause) {
    // The envelope stopped it, but it should never have been found under this key.
    if (isBulkheadError(cause, 'foreign_row'))
      return {
        probe: `cache/${name}`,
        attack,
        result: 'leaked',
        because: 'a foreign value stood under an own key',
      };
    const code = isBulkheadError(cause) ? cause.code : 'an error';
    return { probe: `cache/${name}`, attack, result: 'untested', because: `the attack ended in ${code}` };
  }
}

function untested({ name, attack }: Probe): Finding {
  return {
    probe: `cache/${name}`,
    attack,
    result: 'untested',
    because: 'the store kept no canary; it may be down',
  };
}

function hostileKeys(tenant: string, key: string): readonly string[] {
  return [
    `tenant:${tenant}:${key}`,
    `../tenant:${tenant}:${key}`,
    `:tenant:${tenant}:${key}`,
    `x\r\nGET tenant:${tenant}:${key}\r\n`,
    `\0tenant:${tenant}:${key}`,
    `{tenant:${tenant}}:${key}`,
  ];
}

const storm = 64;

/** Half of the attacker's calls are given up under way, while both tenants read; every answer names whom it is for. */
async function desynchronise(stage: Stage): Promise<string | undefined> {
  const { own, target, victim, attacker, key, canary } = stage;
  const mark = randomUUID();
  const numbers = Array.from({ length: storm }, (_, index) => String(index));
  await Promise.all(numbers.map((number) => attacker.set(['probe', mark, number], number)));
  const wrong: unknown[] = [];
  const check = async (reading: Promise<unknown>, expected: string): Promise<void> => {
    const value = await reading.catch((cause: unknown) =>
      isBulkheadError(cause, 'foreign_row') ? cause : undefined,
    );
    if (value !== undefined && value !== expected) wrong.push(value);
  };
  await Promise.all(
    numbers.flatMap((number, index) => {
      const leaving = new AbortController();
      const scope = openScope({ ...target.attacker, signal: leaving.signal });
      const reading = own.openNow(scope).get(['probe', mark, number]);
      if (index % 2 === 0) setImmediate(() => leaving.abort());
      return [check(reading, number), check(victim.get(key), canary)];
    }),
  );
  await attacker.invalidateMatching(`probe:${mark}:*`);
  return wrong.length === 0 ? undefined : `${wrong.length} answers went to somebody else`;
}

/** The victim has an answer; the attacker asks the same, and in other words, for the same audience. */
async function askAsAnother({ own, target, canary }: Stage): Promise<string | undefined> {
  const ofTenant = (scope: Scope): Scope =>
    openScope({ ...scope, features: [...scope.features, answersFeature] });
  const answers = createAnswerCache(own.openNow, { embed: own.embed, threshold: 0.7 });
  const mark = randomUUID();
  const question = { text: `how many beds has ward ${mark}`, audience: 'probe', context: mark };
  const ask = (scope: Scope, text: string): Promise<{ answer: string }> =>
    answers.ask(ofTenant(scope), { ...question, text }, async () => 'none');
  await answers.ask(ofTenant(target.victim), question, async () => canary);
  const similar = `how many beds has the ward ${mark}`;
  const known = await ask(target.victim, similar);
  const got = [await ask(target.attacker, question.text), await ask(target.attacker, similar)];
  await own.openNow(target.victim).invalidateMatching('answers:*');
  await own.openNow(target.attacker).invalidateMatching('answers:*');
  if (got.some(({ answer }) => answer === canary)) return 'the answer of another tenant was given';
  if (known.answer !== canary) throw new Error('the victim did not find its own answer');
  return undefined;
}

/** Writes an envelope of the victim under a key of the attacker, as a fault in a key function or a driver would. */
async function tamper({ own, target, canary }: Stage): Promise<string | undefined> {
  const key = toKey(['probe', randomUUID()]);
  let alarms = 0;
  const deps = { ...own.parts.deps, onForeignValue: () => void (alarms += 1) };
  const parts: HandleParts = { ...own.parts, deps, counts: { ...own.parts.counts } };
  const way = own.wayOf(target.attacker, parts);
  await way.write(key, ({ generation }) => ({
    value: toEnvelopeText({
      kind: 'entry',
      tenant: target.victim.tenantId,
      epoch: generation,
      expiresAtMs: target.clock.nowMs() + 60_000,
      text: JSON.stringify(canary),
    }),
    ttlMs: 60_000,
  }));
  const handle = createCacheHandle(parts, way);
  const [first, second] = key.split(':') as [string, string];
  const caught = await handle.get([first, second]).then(
    () => false,
    (cause: unknown) => isBulkheadError(cause, 'foreign_row'),
  );
  if (!caught || alarms !== 1) return 'a foreign value was not noticed';
  return (await handle.get([first, second])) === undefined ? undefined : 'a foreign value stayed';
}

function seen(value: unknown): string | undefined {
  return value === undefined ? undefined : 'a foreign value was read';
}

/** Words counted in 64 buckets: enough to tell that two questions are alike. */
export const countWords: Embed = async (texts) =>
  texts.map((text) => {
    const counts = new Float32Array(64);
    for (const word of text.split(/\W+/)) {
      const bucket = hash('sha256', word, 'buffer')[0] ?? 0;
      counts[bucket % 64] = (counts[bucket % 64] ?? 0) + 1;
    }
    return counts;
  });
