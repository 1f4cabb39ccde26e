import { findCanaries, newCanary, wordsOf } from '../../../core/canary.ts';
import type { Finding, ProbeTarget } from '../../../core/compartment.ts';
import { openScope, type Scope } from '../../../core/scope.ts';
import type { Row } from '../../../drivers/sql.ts';
import type { RowsHandle } from '../rows.ts';
import type { PlantedRow, Probe } from './attempt.ts';
import { contextProbes } from './context-probes.ts';
import { dataProbes } from './data-probes.ts';
import { sideProbes } from './side-probes.ts';

const probes: readonly Probe[] = [...dataProbes, ...contextProbes, ...sideProbes];

type Open = (scope: Scope) => Promise<RowsHandle>;

/** Plants a canary in the victim, attacks it from the attacker, and removes it. A canary its owner cannot see makes every probe untested. */
export async function probeRows(target: ProbeTarget, open: Open): Promise<readonly Finding[]> {
  await using victim = await open(again(target.victim));
  const secret = newCanary();
  const externalId = newCanary().text;
  const documents = victim.table<{ id: string } & Row>('documents');
  const users = victim.table<{ id: string } & Row>('users');
  const user = await users.create({ email: `${newCanary().text}@invalid` });
  const { id } = await documents.create({ title: 'canary', content: secret.text, external_id: externalId });
  const canary: PlantedRow = { id, externalId, user: user.id, digest: secret.digest };
  try {
    const findings: Finding[] = [];
    for (const probe of probes) findings.push(await runProbe(probe, { canary, target, open }));
    const intact = await documents.findOne({ id, content: secret.text, title: 'canary' });
    findings.push({
      probe: 'canary-intact',
      attack: 'control',
      result: intact === undefined ? 'leaked' : 'held',
      because:
        intact === undefined
          ? 'the canary was changed or is gone'
          : 'its owner still reads the canary unchanged',
    });
    return findings;
  } finally {
    await documents.delete(id);
    await users.delete(user.id);
  }
}

/** The statements of a scope are counted, and these are more than one request runs: each probe is a request of its own. */
function again(scope: Scope): Scope {
  return openScope({ ...scope, features: [...scope.features] });
}

async function runProbe(
  probe: Probe,
  { canary, target, open }: { canary: PlantedRow; target: ProbeTarget; open: Open },
): Promise<Finding> {
  const { name, attack } = probe;
  try {
    await using attacker = await open(again(target.attacker));
    const leak = await probe.run({ attacker, canary, target });
    return leak === undefined
      ? {
          probe: name,
          attack,
          result: 'held',
          because: 'nothing of the victim was read, changed or confirmed',
        }
      : { probe: name, attack, result: 'leaked', because: leak };
  } catch (cause) {
    if (findCanaries(wordsOf(cause), [canary.digest]).length > 0)
      return { probe: name, attack, result: 'leaked', because: 'an error message holds the canary' };
    return { probe: name, attack, result: 'untested', because: `the probe itself failed: ${String(cause)}` };
  }
}
