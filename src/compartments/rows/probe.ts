import { hash } from 'node:crypto';
import type { Finding, ProbeTarget } from '../../core/compartment.ts';
import { newUuid7 } from '../../core/ids.ts';
import type { Row } from '../../drivers/sql.ts';
import type { RowsHandle } from './rows.ts';

/** A row of the victim that nobody else may see, change or learn of. */
interface Canary {
  readonly id: string;
  readonly externalId: string;
  /** SHA-256 of its content: probes search by it, so that no probe carries what it looks for. */
  readonly digest: string;
}

interface Probe {
  readonly name: string;
  readonly attack: string;
  /** @returns what leaked, or undefined where the wall held */
  run(attacker: RowsHandle, canary: Canary, target: ProbeTarget): Promise<string | undefined>;
}

const probes: readonly Probe[] = [
  {
    name: 'read-by-id',
    attack: 'A64',
    run: async (attacker, canary) =>
      found(await attacker.sql`select id from documents where id = ${canary.id}`),
  },
  {
    name: 'read-by-content-hash',
    attack: 'A4',
    run: async (attacker, canary) =>
      found(
        await attacker.sql`select id from documents where encode(sha256(convert_to(content, 'UTF8')), 'hex') = ${canary.digest}`,
      ),
  },
  {
    name: 'read-with-foreign-predicate',
    attack: 'A5',
    run: async (attacker, _, { victim }) =>
      found(await attacker.sql`select id from documents where tenant_id = ${victim.tenantId}`),
  },
  {
    name: 'count-of-everything',
    attack: 'A66',
    run: async (attacker, _, { attacker: own }) =>
      found(await attacker.sql`select 1 from documents where tenant_id <> ${own.tenantId} limit 1`),
  },
  {
    name: 'forge-context-by-set-config',
    attack: 'A28',
    run: async (attacker, _, { victim }) =>
      attempted(
        () => attacker.sql`
          with forged as materialized (
            select set_config('app.tenant_id', ${victim.tenantId}, true), set_config('app.current_tenant', ${victim.tenantId}, true)
          )
          select d.id from forged, documents d where d.tenant_id = ${victim.tenantId}::uuid`,
      ),
  },
  {
    name: 'forge-capability',
    attack: 'A28',
    run: async (attacker, _, { victim }) =>
      attempted(() =>
        attacker.transaction(async (tx) => {
          await tx.sql`select set_config('bulkhead.capability', ${hash('sha256', victim.tenantId)}, true)`;
          return await tx.sql`select id from documents where tenant_id = ${victim.tenantId}::uuid`;
        }),
      ),
  },
  {
    name: 'become-the-owner',
    attack: 'A3',
    run: async (attacker, canary) =>
      attempted(() =>
        attacker.transaction(async (tx) => {
          await tx.sql`select set_config('role', 'postgres', true)`;
          return await tx.sql`select id from documents where id = ${canary.id}`;
        }),
      ),
  },
  {
    name: 'insert-for-the-victim',
    attack: 'A7',
    run: async (attacker, _, { victim }) =>
      attempted(
        () =>
          attacker.sql`insert into documents (tenant_id, title, content) values (${victim.tenantId}, 'probe', 'probe') returning id`,
      ),
  },
  {
    name: 'move-a-row-to-the-victim',
    attack: 'A7',
    run: async (attacker, _, { victim }) =>
      attempted(() => attacker.sql`update documents set tenant_id = ${victim.tenantId} returning id`),
  },
  {
    name: 'update-the-canary',
    attack: 'A7',
    run: async (attacker, canary) =>
      attempted(
        () => attacker.sql`update documents set title = 'probe' where id = ${canary.id} returning id`,
      ),
  },
  {
    name: 'delete-the-canary',
    attack: 'A7',
    run: async (attacker, canary) =>
      attempted(() => attacker.sql`delete from documents where id = ${canary.id} returning id`),
  },
  {
    name: 'truncate',
    attack: 'A22',
    run: async (attacker) => refusedOnly(() => attacker.sql`truncate documents`),
  },
  {
    name: 'unique-key-as-oracle',
    attack: 'A20',
    run: async (attacker, canary) => {
      // Taking the victim's external id must work: were it refused, its existence would be known.
      const [row] = await attacker.sql<{ id: string }>`
        insert into documents (title, content, external_id) values ('probe', 'probe', ${canary.externalId}) returning id`;
      if (row === undefined) return 'the insert was refused';
      await attacker.table('documents').delete(row.id);
      return undefined;
    },
  },
  {
    name: 'read-the-capabilities',
    attack: 'A10',
    run: async (attacker) =>
      refusedOnly(() => attacker.sql`select digest from bulkhead_wall.capability limit 1`),
  },
  {
    name: 'error-as-oracle',
    attack: 'A19',
    run: async (attacker, canary) => {
      const refusal = await attempted(
        () =>
          attacker.sql`select 1 / (case when id = ${canary.id}::uuid then 0 else 1 end) as one from documents where tenant_id is distinct from null and id = ${canary.id}::uuid`,
      );
      return refusal === undefined ? undefined : 'a statement over the canary had an effect';
    },
  },
];

/** Plants a canary in the victim, attacks it from the attacker, and removes it. A canary its owner cannot see makes every probe untested. */
export async function probeRows(
  target: ProbeTarget,
  open: (scope: ProbeTarget['victim']) => Promise<RowsHandle>,
): Promise<readonly Finding[]> {
  await using victim = await open(target.victim);
  await using attacker = await open(target.attacker);
  const secret = `canary ${newUuid7()}`;
  const externalId = `canary-${newUuid7()}`;
  const documents = victim.table<{ id: string } & Row>('documents');
  const { id } = await documents.create({ title: 'canary', content: secret, external_id: externalId });
  const canary = { id, externalId, digest: hash('sha256', secret) };
  try {
    const findings: Finding[] = [];
    for (const probe of probes) findings.push(await runProbe(probe, { attacker, canary, target }));
    const intact = await documents.findOne({ id, content: secret, title: 'canary' });
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
  }
}

async function runProbe(
  probe: Probe,
  input: { attacker: RowsHandle; canary: Canary; target: ProbeTarget },
): Promise<Finding> {
  const { name, attack } = probe;
  try {
    const leak = await probe.run(input.attacker, input.canary, input.target);
    return leak === undefined
      ? {
          probe: name,
          attack,
          result: 'held',
          because: 'nothing of the victim was read, changed or confirmed',
        }
      : { probe: name, attack, result: 'leaked', because: leak };
  } catch (cause) {
    return { probe: name, attack, result: 'untested', because: `the probe itself failed: ${String(cause)}` };
  }
}

function found(rows: readonly Row[]): string | undefined {
  return rows.length === 0 ? undefined : `${rows.length} foreign rows were visible`;
}

/** A refusal holds as well as an empty answer does. */
async function attempted(statement: () => Promise<readonly Row[]>): Promise<string | undefined> {
  try {
    return found(await statement());
  } catch {
    return undefined;
  }
}

/** For what must be refused outright. */
async function refusedOnly(statement: () => Promise<readonly Row[]>): Promise<string | undefined> {
  try {
    await statement();
  } catch {
    return undefined;
  }
  return 'the statement was accepted';
}
