import { parseAddress, type RoleNames } from './compartments/rows/container.ts';
import type { ServerCatalog } from './compartments/rows/deps.ts';
import type { Clock } from './core/clock.ts';
import type { AdminDatabase } from './drivers/sql.ts';
import type { FleetContainer, FleetProver } from './fleet/containers.ts';
import type { Finding } from './verify/proof/finding.ts';
import { bulkheadProof } from './verify/proof/preset.ts';
import { prove } from './verify/proof/prove.ts';

export interface FleetProofDeps {
  readonly servers: Pick<ServerCatalog, 'server'>;
  readonly roles: RoleNames;
  /** Tables for all tenants, by name in each container, or `schema.table`. */
  readonly shared: readonly string[];
  readonly clock: Clock;
}

const namedInReason = 5;

/**
 * Conditions S01 to S28 over one database, of which what lies in the given containers is charged to them. What lies
 * elsewhere (roles, the server and its version) no migration has made: `bulkhead doctor` says it.
 */
export function createFleetProver(deps: FleetProofDeps): FleetProver {
  return async (containers) => {
    const [first] = containers;
    if (first === undefined) return new Map();
    const home = parseAddress(first.address);
    const server = await deps.servers.server(home.server);
    const schemas = containers.map(({ schema }) => schema);
    const options = bulkheadProof({
      appRole: home.kind === 'database' ? deps.roles.own(home) : deps.roles.app,
      wallRole: deps.roles.wall,
      globalTables: deps.shared.flatMap((name) =>
        name.includes('.') ? [name] : schemas.map((schema) => `${schema}.${name}`),
      ),
      schemas,
      clock: deps.clock,
    });
    const look = (admin: AdminDatabase) => prove(admin, options);
    const { findings } = await (home.kind === 'database'
      ? server.withAdmin(home.database, look)
      : look(server.pool));
    return charged(containers, findings);
  };
}

function charged(
  containers: readonly FleetContainer[],
  findings: readonly Finding[],
): ReadonlyMap<string, string> {
  const addresses = new Map(containers.map(({ schema, address }) => [schema, address]));
  const broken = new Map<string, Finding[]>();
  for (const finding of findings) {
    if (finding.severity !== 'error') continue;
    const address = schemasOf(finding.object).flatMap((schema) => addresses.get(schema) ?? [])[0];
    if (address === undefined) continue;
    const known = broken.get(address);
    if (known === undefined) broken.set(address, [finding]);
    else known.push(finding);
  }
  return new Map([...broken].map(([address, found]) => [address, toReason(found)]));
}

/** `tenant_….documents`, `index tenant_….documents_idx`, `schema tenant_…`: names of schemas are plain. */
function schemasOf(object: string): readonly string[] {
  return [...object.matchAll(/(?:^|\s)"?(\w+)"?\./g), ...object.matchAll(/^schema "?(\w+)"?$/g)].map(
    ([, schema = '']) => schema,
  );
}

function toReason(found: readonly Finding[]): string {
  const named = found
    .slice(0, namedInReason)
    .map(({ condition, object, reason }) => `${condition} ${object}: ${reason}`);
  return found.length > namedInReason
    ? `${named.join('; ')}; and ${found.length - namedInReason} more`
    : named.join('; ');
}
