import type { Bulkhead } from '../../bulkhead.ts';
import type { ContainerProof } from '../../verify/proof/container-proof.ts';
import { fail, ok, untested, warn, type Check } from './check.ts';

const named = 3;
const listed = 5;

/** The static proof of every database that tenants are in: every wall of every schema, from its own catalogue. */
export async function checkWalls({ proofs }: Bulkhead): Promise<readonly Check[]> {
  const found: ContainerProof[] = [];
  for await (const proof of proofs.containers()) found.push(proof);
  const about = { area: 'walls', name: 'proof of every database' } as const;
  const checks = [...brokenOnes(found), ...silentOnes(found), ...doubtfulOnes(found)];
  if (checks.length > 0) return checks;
  if (found.length === 0) return [untested(about, 'there is no container yet')];
  const sum = (of: 'relations' | 'tenantTables'): number =>
    found.reduce((total, { result }) => total + (result?.looked[of] ?? 0), 0);
  const warnings = found.reduce((total, { result }) => total + (result?.findings.length ?? 0), 0);
  const shown = `${found.length} databases, ${sum('relations')} relations, ${sum('tenantTables')} of tenants`;
  return [
    warnings === 0
      ? ok(about, shown)
      : warn(about, `${shown}; ${warnings} warnings`, 'see them with: bulkhead verify --json'),
  ];
}

function proofOf(database: string): { readonly area: 'walls'; readonly name: string } {
  return { area: 'walls', name: `proof of ${database}` };
}

function brokenOnes(found: readonly ContainerProof[]): readonly Check[] {
  return found
    .filter(({ result }) => result?.verdict === 'broken')
    .slice(0, listed)
    .map(({ database, result }) => {
      const errors = result?.findings.filter(({ severity }) => severity === 'error') ?? [];
      const first = errors
        .slice(0, named)
        .map(({ condition, object, reason }) => `${condition} ${object}: ${reason}`);
      return fail(proofOf(database), first.join('; '), errors[0]?.mend ?? 'see: bulkhead prove');
    });
}

function silentOnes(found: readonly ContainerProof[]): readonly Check[] {
  return found
    .filter(({ result }) => result === undefined)
    .slice(0, listed)
    .map(({ database, because }) => untested(proofOf(database), because ?? 'it did not answer'));
}

function doubtfulOnes(found: readonly ContainerProof[]): readonly Check[] {
  return found
    .filter(({ result }) => result?.verdict === 'inconclusive')
    .slice(0, listed)
    .map(({ database, result }) => untested(proofOf(database), result?.doubts.join('; ') ?? ''));
}
