import { hash, randomBytes } from 'node:crypto';
import type { Finding, ProbeTarget } from '../../core/compartment.ts';
import { newUuid7 } from '../../core/ids.ts';
import type { Scope } from '../../core/scope.ts';
import type { Match, Space, VectorsHandle } from './vectors.ts';

/** A passage of the victim that nobody else may find; probes carry hashes of it, or its vector, never its words. */
interface Canary {
  readonly document: string;
  readonly vector: readonly number[];
  readonly digest: string;
  readonly space: Space;
  readonly words: readonly string[];
}

interface Probe {
  readonly name: string;
  readonly attack: string;
  /** @returns what leaked, or undefined where it held */
  run(attacker: VectorsHandle, canary: Canary, target: ProbeTarget): Promise<string | undefined>;
}

const shape = { model: 'bulkhead-probe', dimension: 8, metric: 'cosine' } as const;

const probes: readonly Probe[] = [
  {
    name: 'nearest-to-the-canary',
    attack: 'A48',
    run: async (attacker, { vector, digest }) =>
      seen(await attacker.search({ mode: 'vector', vector, limit: 50 }), digest),
  },
  {
    name: 'nearest-to-the-canary-exactly',
    attack: 'A48',
    run: async (attacker, { vector, digest }) =>
      seen(await attacker.search({ mode: 'vector', vector, limit: 50, accuracy: 'exact' }), digest),
  },
  {
    name: 'words-of-the-canary',
    attack: 'A66',
    run: async (attacker, { words, digest }) =>
      seen(
        await attacker.search({ mode: 'text', text: words.join(' '), language: 'simple', limit: 50 }),
        digest,
      ),
  },
  {
    name: 'both-rankings',
    attack: 'A48',
    run: async (attacker, { vector, words, digest }) =>
      seen(
        await attacker.search({ mode: 'hybrid', vector, text: words.join(' '), language: 'simple' }),
        digest,
      ),
  },
  {
    name: 'filter-on-the-victims-tenant',
    attack: 'A48',
    run: async (attacker, { vector, digest }, { victim }) =>
      seen(await attacker.search({ mode: 'vector', vector, filter: { tenant_id: victim.tenantId } }), digest),
  },
  {
    name: 'filter-name-as-sql',
    attack: 'A48',
    run: async (attacker, { vector, digest }) =>
      attempted(async () =>
        seen(
          await attacker.search({
            mode: 'vector',
            vector,
            filter: { "x') or true or (p.metadata ? '": true },
          }),
          digest,
        ),
      ),
  },
  {
    name: 'language-as-sql',
    attack: 'A48',
    run: async (attacker, { words, digest }) =>
      attempted(async () =>
        seen(
          await attacker.search({
            mode: 'text',
            text: words.join(' '),
            language: "simple'::regconfig) or true --",
          }),
          digest,
        ),
      ),
  },
  {
    name: 'metadata-that-names-the-victim',
    attack: 'A7',
    run: async (attacker, _, { victim }) => {
      const accepted = await attempted(async () => {
        await attacker.upsert([{ document: 'probe', metadata: { tenant_id: victim.tenantId } }]);
        return 'a passage that names another tenant was accepted';
      });
      await attacker.remove('probe');
      return accepted;
    },
  },
  {
    name: 'vectors-into-the-victims-space',
    attack: 'A7',
    run: async (attacker, { space, vector }) => {
      const accepted = await attempted(async () => {
        await attacker.upsert([{ document: 'probe', body: 'probe', vector }], space);
        return 'a vector was put into the space of another tenant';
      });
      await attacker.remove('probe');
      return accepted;
    },
  },
  {
    name: 'serve-the-victims-space',
    attack: 'A7',
    run: async (attacker, { space }) =>
      attempted(async () => {
        await attacker.serveSpace(space.id);
        return 'the space of another tenant was given the service';
      }),
  },
  {
    name: 'remove-the-canary',
    attack: 'A7',
    run: async (attacker, { document }) =>
      (await attacker.remove(document)) === 0 ? undefined : 'a passage of another tenant was removed',
  },
  {
    name: 'list-of-everything',
    attack: 'A66',
    run: async (attacker, { digest }) =>
      (await attacker.passages({ limit: 1_000 })).some((match) => digestOf(match) === digest)
        ? 'the canary was listed'
        : undefined,
  },
  {
    name: 'kept-hashes-as-oracle',
    attack: 'A20',
    run: async (attacker, { document }) =>
      (await attacker.kept(document)).length === 0 ? undefined : 'the canary’s document was confirmed',
  },
];

/** Plants a canary in the victim, attacks it from the attacker, and removes it. */
export async function probeVectors(
  target: ProbeTarget,
  open: (scope: Scope) => Promise<VectorsHandle>,
): Promise<readonly Finding[]> {
  await using victim = await open(target.victim);
  await using attacker = await open(target.attacker);
  const canary = await plant(victim);
  await ownSpace(attacker);
  try {
    const findings: Finding[] = [];
    for (const probe of probes) findings.push(await runProbe(probe, { attacker, canary, target }));
    findings.push(await findAsOwner(victim, canary));
    return findings;
  } finally {
    await victim.remove(canary.document);
  }
}

/** Without a space a search by vector finds nothing whatever the wall does; with one it is a test. */
async function ownSpace(handle: VectorsHandle): Promise<Space> {
  return (await handle.space()) ?? (await handle.ensureSpace(shape));
}

async function plant(victim: VectorsHandle): Promise<Canary> {
  const space = await ownSpace(victim);
  const words = [randomBytes(6).toString('hex'), randomBytes(6).toString('hex')].map((word) => `w${word}`);
  const vector = Array.from({ length: space.dimension }, (_, index) => Math.sin(index + 1));
  const document = `canary-${newUuid7()}`;
  const body = words.join(' ');
  await victim.upsert([{ document, body, vector, metadata: { canary: true } }]);
  return { document, vector, digest: hash('sha256', body), space, words };
}

/** The negative control: its owner finds the canary by each way, else the probes before it have said nothing. */
async function findAsOwner(victim: VectorsHandle, canary: Canary): Promise<Finding> {
  const { vector, words, digest } = canary;
  const byVector = await victim.search({ mode: 'vector', vector, limit: 50, filter: { canary: true } });
  const byWords = await victim.search({ mode: 'text', text: words.join(' '), language: 'simple', limit: 50 });
  const found = [byVector, byWords].every(({ matches }) =>
    matches.some((match) => digestOf(match) === digest),
  );
  return {
    probe: 'canary-intact',
    attack: 'control',
    result: found ? 'held' : 'leaked',
    because: found ? 'its owner finds the canary unchanged' : 'its owner does not find the canary any more',
  };
}

async function runProbe(
  probe: Probe,
  input: { readonly attacker: VectorsHandle; readonly canary: Canary; readonly target: ProbeTarget },
): Promise<Finding> {
  const { name, attack } = probe;
  try {
    const leak = await probe.run(input.attacker, input.canary, input.target);
    return leak === undefined
      ? {
          probe: name,
          attack,
          result: 'held',
          because: 'nothing of the victim was found, changed or confirmed',
        }
      : { probe: name, attack, result: 'leaked', because: leak };
  } catch (cause) {
    return { probe: name, attack, result: 'untested', because: `the probe itself failed: ${String(cause)}` };
  }
}

function digestOf({ body }: Pick<Match, 'body'>): string {
  return hash('sha256', body);
}

function seen({ matches }: { readonly matches: readonly Match[] }, digest: string): string | undefined {
  return matches.some((match) => digestOf(match) === digest) ? 'the canary was found' : undefined;
}

/** A refusal holds as well as an empty answer does. */
async function attempted(body: () => Promise<string | undefined>): Promise<string | undefined> {
  try {
    return await body();
  } catch {
    return undefined;
  }
}
