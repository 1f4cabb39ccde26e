import { z } from 'zod';
import { timestamp } from './common.ts';

export const NewDomainBody = z.strictObject({
  domain: z.string().max(253).describe('A host name of up to 128 characters, such as app.customer.com.'),
});
export type NewDomainBody = z.output<typeof NewDomainBody>;

export const DomainView = z.object({
  domain: z.string(),
  state: z.enum(['claimed', 'verified']).describe('Only a verified one names the tenant.'),
  record: z
    .object({ name: z.string(), type: z.literal('TXT'), value: z.string() })
    .describe('What the owner of the domain has to put into its DNS.'),
  verifiedAt: timestamp.nullable(),
});
export type DomainView = z.output<typeof DomainView>;

export const DomainListView = z.object({ items: z.array(DomainView) });
export type DomainListView = z.output<typeof DomainListView>;
