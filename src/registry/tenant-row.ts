import { z } from 'zod';
import { compartmentKinds, isolations } from '../core/placement.ts';
import { tenantStates, type Tenant } from '../core/tenant.ts';
import { deepFreeze, instant, integer, nullable, parseRow, slug, tenantId } from './row-parts.ts';

const tenantShape = z.object({
  id: tenantId,
  slug,
  name: z.string(),
  plan: z.string(),
  state: z.enum(tenantStates),
  isolation: z.enum(isolations),
  region: nullable(z.string()),
  parent: nullable(tenantId),
  features: z.array(z.string()),
  settings: z.record(z.string(), z.json()),
  encryptionKeyId: z.string(),
  placements: z.array(
    z.strictObject({
      compartment: z.enum(compartmentKinds),
      isolation: z.enum(isolations),
      container: z.string(),
    }),
  ),
  umbrella: z.array(z.strictObject({ id: z.uuid(), child: nullable(tenantId), expiresAt: instant })),
  epoch: integer,
  erasesAt: nullable(instant),
  createdAt: instant,
  updatedAt: instant,
});

/** Select list over `tenant t`; placements and grants travel in the same row, so that one query shows one moment. */
export const tenantColumns = `t.id::text as id, t.slug, t.name, t.plan_id as plan, t.state, t.isolation, t.region,
  t.parent_id::text as parent, t.features, t.settings, t.encryption_key_id as "encryptionKeyId",
  t.epoch, t.erases_at as "erasesAt", t.created_at as "createdAt", t.updated_at as "updatedAt",
  coalesce((select jsonb_agg(jsonb_build_object('compartment', p.compartment, 'isolation', p.isolation,
      'container', p.container) order by p.compartment)
    from bulkhead.placement p where p.tenant_id = t.id), '[]'::jsonb) as placements,
  coalesce((select jsonb_agg(jsonb_build_object('id', g.id, 'child', g.child_id, 'expiresAt', g.expires_at) order by g.id)
    from bulkhead.umbrella_grant g where g.reader_id = t.id and g.revoked_at is null
      and g.expires_at > statement_timestamp()), '[]'::jsonb) as umbrella`;

/** @throws internal where a stored field is of an unknown type */
export function parseTenantRow(row: unknown): Tenant {
  const fields = parseRow('tenant', tenantShape, row);
  return deepFreeze({
    ...fields,
    // The same id text in every placement: a cached tenant holds it once.
    placements: fields.placements.map(({ compartment, isolation, container }) => ({
      tenant: fields.id,
      compartment,
      isolation,
      container,
    })),
  });
}
