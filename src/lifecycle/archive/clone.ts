import { BulkheadError } from '../../core/errors.ts';
import { parseTenantId } from '../../core/ids.ts';
import type { Actor } from '../../core/scope.ts';
import type { Tenant } from '../../core/tenant.ts';
import type { Operation } from '../../registry/registry.ts';
import type { CloneInput, TenantInTheMaking } from '../archives.ts';
import type { Filling } from './fill.ts';
import type { TenantPart } from './manifest.ts';
import { masked, parseMasking } from './mask.ts';
import { inTheMaking, insertLike, makeTenant } from './new-tenant.ts';
import { dropSecrets, readMaskingSecret } from './stored-file.ts';
import { ArchiveProgress, isPassing, readLiveTenant, type ArchiveDeps } from './work.ts';

/** A new tenant with the records of another, masked on their way; nothing of them is stored in between. */
export async function beginClone(
  deps: ArchiveDeps,
  input: CloneInput,
  actor: Actor,
): Promise<TenantInTheMaking> {
  const masking = parseMasking(input.masking);
  const source = await readLiveTenant(deps, input.from);
  if (source.state === 'offboarding')
    throw new BulkheadError('transition_refused', {
      state: source.state,
      reason: 'a tenant that leaves is not cloned',
    });
  const making = { kind: 'clone', input: { from: source.id, masking } } as const;
  const like: TenantPart & { slug: string } = {
    slug: input.slug,
    name: input.name ?? source.name,
    plan: source.plan,
    isolation: source.isolation,
    region: source.region ?? null,
    features: [...source.features],
    settings: source.settings as TenantPart['settings'],
  };
  const begun = await insertLike(deps, like, { wanted: input, making, actor });
  return inTheMaking(begun, runClone(deps, begun.operation, actor));
}

export async function runClone(deps: ArchiveDeps, operation: Operation, actor: Actor): Promise<Tenant> {
  const from = parseTenantId(operation.input['from']);
  if (from === undefined) throw new BulkheadError('internal', { reason: 'a clone of nobody' });
  const { vault, tenants, operations } = deps.registry;
  const secret = await readMaskingSecret(vault, operation.id);
  const source = await tenants.read(from);
  try {
    return await makeTenant(deps, {
      operation,
      fillings: toFillings(deps, { operation, source, secret }),
      actor,
    });
  } finally {
    const now = await operations.read(operation.id);
    if (now?.state !== 'running') await dropSecrets(vault, operation.id);
  }
}

function toFillings(
  deps: ArchiveDeps,
  work: { readonly operation: Operation; readonly source: Tenant | undefined; readonly secret: string },
): readonly Filling[] {
  const { operation, source, secret } = work;
  const masking = parseMasking(operation.input['masking']);
  const progress = new ArchiveProgress(deps.operations, operation.id);
  return deps.compartments.flatMap((compartment): readonly Filling[] => {
    const { kind } = compartment;
    if (isPassing(kind)) return [];
    // Erased while its clone was being made: the clone is undone too.
    if (source === undefined || source.state === 'deleted')
      return [{ kind, schema: undefined, records: () => gone() }];
    const placement = source.placements.find((each) => each.compartment === kind);
    if (placement === undefined) return [];
    const schema = deps.registry.versions.peek(placement.container);
    return [
      {
        kind,
        schema: schema === deps.newestSchemas.get(kind) ? undefined : schema,
        records: () => masked(progress.counted(compartment.export(placement)), masking, secret),
      },
    ];
  });
}

function gone(): AsyncIterable<never> {
  throw new BulkheadError('tenant_not_found', { reason: 'the tenant that is cloned has been erased' });
}
