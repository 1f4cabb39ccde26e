import { z } from 'zod';
import { tenantStates } from '../../core/tenant.ts';
import { pageOf, pageQuery, timestamp } from './common.ts';

const expiresAt = z.iso
  .datetime({ offset: true })
  .optional()
  .describe('RFC 3339, at most 366 days ahead; default: in 30 days.');
const named = z.string().min(1).max(64);

/** By the operator: for one tenant below, or for all. */
export const NewGrantBody = z.strictObject({
  child: named
    .optional()
    .describe('Id or slug of a tenant below; default: all that are below, those of later too.'),
  expiresAt,
});
export type NewGrantBody = z.output<typeof NewGrantBody>;

/** By the one that is read. */
export const OwnGrantBody = z.strictObject({
  reader: named.optional().describe('Id or slug of a tenant above; default: the parent.'),
  expiresAt,
});
export type OwnGrantBody = z.output<typeof OwnGrantBody>;

export const GrantView = z.object({
  id: z.uuid(),
  reader: z.uuid().describe('The tenant that may read.'),
  child: z.uuid().nullable().describe('The tenant that is read; null: all below the reader.'),
  grantedBy: z.string(),
  createdAt: timestamp,
  expiresAt: timestamp,
  revokedAt: timestamp.nullable(),
});
export type GrantView = z.output<typeof GrantView>;

export const GrantListView = z.object({ items: z.array(GrantView) });

export const ChildQuery = z.strictObject(pageQuery);

export const ChildView = z.object({
  id: z.uuid(),
  slug: z.string(),
  name: z.string(),
  state: z.enum(tenantStates),
  depth: z.int().describe('Levels below, from 1.'),
  grant: z.uuid(),
  grantExpiresAt: timestamp,
});
export type ChildView = z.output<typeof ChildView>;

export const ChildPageView = pageOf(ChildView);
