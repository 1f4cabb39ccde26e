import type { ContainerProof } from '../../verify/proof/container-proof.ts';
import type { VerificationResult } from '../../verify/verification.ts';
import { notYet, type ReadinessCheck } from './check.ts';

interface Line {
  readonly name: string;
  /** Attacks by their id, all of one front where it ends in `/`, and conditions of the proof. */
  readonly by: readonly string[];
  /** Why nothing can be looked at where none of them was there. */
  readonly absent?: string;
}

/** What has to hold before tenants are let in, each line looked at by attacks and conditions that were run just now. */
const lines: readonly Line[] = [
  { name: 'Row-level security is on and forced on every tenant table', by: ['S04', 'S05'] },
  { name: 'One restrictive wall, which nothing added later can open', by: ['S06'] },
  {
    name: 'Logins that serve tenants are weak and own nothing',
    by: ['S01', 'S02', 'S03', 'rows/powers-of-the-role'],
  },
  {
    name: 'Another tenant’s row is not read, by id or in lists',
    by: ['rows/read-by-id', 'rows/count-of-everything', 'http/lists'],
  },
  {
    name: 'Another tenant’s row is not changed',
    by: ['rows/update-the-canary', 'rows/merge-into-the-canary', 'scope/foreign-rows'],
  },
  { name: 'Another tenant’s row is not deleted', by: ['rows/delete-the-canary', 'rows/truncate'] },
  {
    name: 'Injected SQL does not become another tenant',
    by: ['rows/forge-context-by-set-config', 'rows/forge-capability', 'rows/become-the-owner'],
  },
  { name: 'No data call without a tenant, and no default tenant', by: ['scope/none', 'scope/look-alike'] },
  {
    name: 'The tenant’s context ends with its request',
    by: ['scope/afterwards', 'pool/settings', 'pool/broken-transaction'],
  },
  {
    name: 'Contexts of requests at once are not mixed up',
    by: ['scope/interleaved', 'scope/callbacks', 'pool/nonces', 'http/keep-alive'],
  },
  {
    name: 'The tenant comes from the credential; hints only contradict',
    by: ['http/header-conflicts', 'http/repeated-headers', 'http/foreign-tenant'],
  },
  {
    name: 'API keys: altered, revoked and foreign ones are refused',
    by: ['registry/altered-keys', 'registry/revoked-key', 'registry/key-of-whom', 'http/altered-keys'],
  },
  {
    name: 'Suspended and erased tenants are refused at once',
    by: ['registry/suspended', 'registry/erased-tenant', 'scope/suspended-meanwhile'],
  },
  {
    name: 'What is another’s and what never was answer alike',
    by: ['http/foreign-ids', 'http/not-found-alike', 'http/timing'],
  },
  { name: 'Caches keep tenants apart', by: ['cache/', 'http/caching'], absent: 'there is no cache' },
  {
    name: 'Errors, logs and metrics hold no tenant’s data and no key',
    by: ['http/errors-and-logs', 'pool/error-text'],
  },
  { name: 'A tenant’s key opens nothing of the control plane', by: ['http/control-plane', 'http/no-key'] },
  { name: 'Who did what is recorded, per tenant', by: ['registry/trail'] },
  {
    name: 'Secrets and settings are per tenant, without fall-back',
    by: ['registry/secrets', 'registry/settings'],
  },
  {
    name: 'Data is encrypted with keys per tenant',
    by: ['keys/'],
    absent: 'there is no encryption with a tenant’s own key',
  },
  { name: 'What a tenant uses is charged to it', by: ['registry/metering'] },
];

/** The security checklist, from what a verification and the proofs have just come to. */
export function toChecklist(result: VerificationResult): readonly ReadinessCheck[] {
  return lines.map(({ name, by, absent }, index) => {
    const about = { id: `C${String(index + 1).padStart(2, '0')}`, name };
    const looks = by.flatMap((id) =>
      /^S\d\d$/.test(id) ? fromProofs(id, result.proofs) : fromAttacks(id, result),
    );
    const own = absent === undefined ? looks : looks.filter(({ id }) => id.startsWith(by[0] ?? ''));
    if (own.length === 0) return notYet(about, absent ?? 'nothing of it could be looked at here');
    const bad = looks.filter(({ holds }) => !holds);
    const found =
      bad.length > 0
        ? bad.map(({ id }) => id).join(', ')
        : `${looks.length} looks held: ${looks.map(({ id }) => id).join(', ')}`;
    return { ...about, state: bad.length > 0 ? 'fail' : 'ok', found };
  });
}

interface Look {
  readonly id: string;
  readonly holds: boolean;
}

function fromProofs(id: string, proofs: readonly ContainerProof[]): readonly Look[] {
  const states = proofs.flatMap(
    ({ result }) => result?.conditions.filter((condition) => condition.id === id) ?? [],
  );
  return states.length === 0 ? [] : [{ id, holds: states.every(({ state }) => state === 'held') }];
}

function fromAttacks(id: string, { attacks }: VerificationResult): readonly Look[] {
  return attacks
    .filter((line) => (id.endsWith('/') ? line.id.startsWith(id) : line.id === id))
    .filter(({ held, leaked, untested }) => held + leaked + untested > 0)
    .map((line) => ({ id: line.id, holds: line.leaked === 0 && line.untested === 0 }));
}
