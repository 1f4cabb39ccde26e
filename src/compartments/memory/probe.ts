import { hash, randomBytes } from 'node:crypto';
import type { Finding, ProbeTarget } from '../../core/compartment.ts';
import type { Scope } from '../../core/scope.ts';
import type { MemoryHandle, UserMemory } from './memory.ts';

/** Both tenants have a user of this name: the two must never meet. */
const name = 'probe-user';

interface Canary {
  readonly conversation: string;
  /** SHA-256 of what was said; probes carry no more of it. */
  readonly digest: string;
  readonly word: string;
}

interface Probe {
  readonly name: string;
  readonly attack: string;
  /** @returns what leaked, or undefined where it held */
  run(attacker: UserMemory, canary: Canary): Promise<string | undefined>;
}

const probes: readonly Probe[] = [
  {
    name: 'read-by-id',
    attack: 'A52',
    run: async (attacker, { conversation }) =>
      (await attacker.read(conversation)) === undefined ? undefined : 'the conversation was read',
  },
  {
    name: 'messages-by-id',
    attack: 'A52',
    run: (attacker, { conversation }) =>
      refused(() => attacker.messages(conversation), 'its messages were read'),
  },
  {
    name: 'window-by-id',
    attack: 'A52',
    run: (attacker, { conversation }) =>
      refused(() => attacker.window(conversation, { messages: 10 }), 'a window of it was read'),
  },
  {
    name: 'append-to-it',
    attack: 'A52',
    run: (attacker, { conversation }) =>
      refused(
        () => attacker.append(conversation, [{ role: 'user', content: 'probe' }]),
        'something was said in it',
      ),
  },
  {
    name: 'summarise-it',
    attack: 'A52',
    run: (attacker, { conversation }) =>
      refused(() => attacker.summarise(conversation, { text: 'probe', below: 0 }), 'its summary was changed'),
  },
  {
    name: 'remove-it',
    attack: 'A52',
    run: async (attacker, { conversation }) =>
      (await attacker.remove(conversation)) ? 'it was removed' : undefined,
  },
  {
    name: 'list-of-the-same-user',
    attack: 'A52',
    run: async (attacker, { conversation }) =>
      (await attacker.list()).some(({ id }) => id === conversation) ? 'it was listed' : undefined,
  },
  {
    name: 'search-for-its-words',
    attack: 'A66',
    run: async (attacker, { word, digest }) =>
      (await attacker.search(word)).some(({ message }) => hash('sha256', message.content) === digest)
        ? 'it was found'
        : undefined,
  },
  {
    name: 'export-of-the-same-user',
    attack: 'A52',
    run: async (attacker, { conversation }) => {
      for await (const each of attacker.export())
        if (each.conversation.id === conversation) return 'it was exported';
      return undefined;
    },
  },
];

/** Two tenants, one user name: what is said in the one is not there in the other. */
export async function probeMemory(
  target: ProbeTarget,
  open: (scope: Scope) => Promise<MemoryHandle>,
): Promise<readonly Finding[]> {
  await using victim = await open(target.victim);
  await using attacker = await open(target.attacker);
  const owner = victim.user(name);
  const word = `w${randomBytes(8).toString('hex')}`;
  const content = `canary ${word}`;
  const { id } = await owner.start({ title: 'canary' });
  await owner.append(id, [{ role: 'user', content }]);
  const canary: Canary = { conversation: id, digest: hash('sha256', content), word };
  try {
    const findings: Finding[] = [];
    for (const probe of probes) findings.push(await runProbe(probe, attacker.user(name), canary));
    // Another user of the same tenant is no nearer to it.
    for (const probe of probes)
      findings.push(
        await runProbe(
          { ...probe, name: `${probe.name}-as-a-colleague` },
          victim.user('probe-colleague'),
          canary,
        ),
      );
    const said = await owner.search(word);
    const intact = said.length === 1 && said[0]?.conversation === id && said[0].message.content === content;
    findings.push({
      probe: 'canary-intact',
      attack: 'control',
      result: intact ? 'held' : 'leaked',
      because: intact ? 'its owner finds it unchanged' : 'its owner does not find it unchanged',
    });
    return findings;
  } finally {
    await owner.remove(id);
  }
}

async function runProbe(probe: Probe, attacker: UserMemory, canary: Canary): Promise<Finding> {
  const { name: probeName, attack } = probe;
  try {
    const leak = await probe.run(attacker, canary);
    return leak === undefined
      ? { probe: probeName, attack, result: 'held', because: 'nothing of it was read, changed or confirmed' }
      : { probe: probeName, attack, result: 'leaked', because: leak };
  } catch (cause) {
    return {
      probe: probeName,
      attack,
      result: 'untested',
      because: `the probe itself failed: ${String(cause)}`,
    };
  }
}

async function refused(body: () => Promise<unknown>, leak: string): Promise<string | undefined> {
  try {
    await body();
  } catch {
    return undefined;
  }
  return leak;
}
