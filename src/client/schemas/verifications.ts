import { z } from 'zod';
import { isolations } from '../../core/placement.ts';
import { timestamp } from './common.ts';

const named = z.string().min(1).max(64);

export const VerifyBody = z
  .strictObject({
    tenant: named
      .optional()
      .describe('Id or slug of one of two tenants that are there. Default: throw-away tenants and a sample.'),
    against: named.optional().describe('The other of the two.'),
    sample: z
      .int()
      .min(0)
      .max(1_000)
      .default(20)
      .describe('How many of the tenants that are there are attacked too.'),
    mutations: z
      .boolean()
      .default(false)
      .describe('Plant faults in our own code and in a copy of the schema, and publish the score.'),
    underLoad: z.boolean().default(false).describe('Load, move and migrate throw-away tenants meanwhile.'),
  })
  .refine(
    ({ tenant, against }) => (tenant === undefined) === (against === undefined),
    'tenant and against go together',
  );
export type VerifyBody = z.input<typeof VerifyBody>;

const Proof = z.object({
  database: z.string(),
  tenants: z.int(),
  verdict: z
    .enum(['held', 'broken', 'inconclusive'])
    .nullable()
    .describe('Null where the database did not answer.'),
  because: z.string().nullable(),
  conditions: z.int(),
  relations: z.int(),
  errors: z.array(z.string()),
  warnings: z.int(),
  inputsSha256: z.string().nullable(),
  durationMs: z.number().nullable(),
});

const Score = z.object({ planted: z.int(), caught: z.int(), missed: z.array(z.string()) });

export const VerificationReportView = z.object({
  reasons: z.array(z.string()).describe('Why it is no pass; empty where everything held.'),
  tenants: z.array(
    z.object({ id: z.string(), isolation: z.enum(isolations), kind: z.enum(['throw_away', 'kept']) }),
  ),
  compartments: z.array(z.string()),
  executed: z.int().describe('Attacks that were carried out to an end.'),
  attacks: z.array(
    z.object({
      front: z.enum(['store', 'scope', 'pool', 'registry', 'http']),
      id: z.string(),
      attacks: z.array(z.string()),
      how: z.string(),
      pairs: z.int(),
      tried: z.int(),
      held: z.int(),
      leaked: z.int(),
      untested: z.int(),
      notCovered: z.int(),
      because: z.array(z.string()),
    }),
  ),
  pairs: z.array(
    z.object({
      attacker: z.enum(isolations),
      victim: z.enum(isolations),
      held: z.int(),
      leaked: z.int(),
      untested: z.int(),
    }),
  ),
  controls: z.array(
    z.object({
      store: z.string(),
      found: z.boolean(),
      noticed: z.int(),
      probes: z.int(),
      because: z.string(),
    }),
  ),
  proofs: z.array(Proof),
  catalogue: z.array(
    z.object({
      id: z.string(),
      title: z.string(),
      result: z.enum(['held', 'leaked', 'untested', 'not_covered']),
      by: z.array(z.string()),
      because: z.string(),
    }),
  ),
  stirred: z.object({ statements: z.int(), moves: z.int(), migrations: z.int() }).nullable(),
  mutations: z.object({ schemas: Score.nullable(), code: Score.nullable() }),
  notCovered: z.array(z.string()),
  durationMs: z.number(),
});
export type VerificationReportView = z.output<typeof VerificationReportView>;

export const VerificationView = z.object({
  id: z.uuid(),
  state: z.enum(['running', 'done', 'failed']),
  progress: z.object({ done: z.int(), total: z.int(), label: z.string() }).nullable(),
  verdict: z.enum(['held', 'leaked', 'inconclusive', 'failed']).nullable(),
  failure: z.string().nullable().describe('Why it broke off, where it did.'),
  startedAt: timestamp,
  endedAt: timestamp.nullable(),
});
export type VerificationView = z.output<typeof VerificationView>;

export const VerificationDetailView = VerificationView.extend({ report: VerificationReportView.nullable() });
export type VerificationDetailView = z.output<typeof VerificationDetailView>;

export const VerificationListView = z.object({ items: z.array(VerificationView) });

export const EvidenceQuery = z.strictObject({
  nonce: z
    .string()
    .max(200)
    .optional()
    .describe('Your own; it comes back in the evidence, so that no older one can stand in.'),
});

export const EvidenceView = z
  .object({
    payloadType: z.string(),
    payload: z.string().describe('An in-toto Statement v1, in base 64.'),
    signatures: z.array(z.object({ keyid: z.string(), sig: z.string() })),
  })
  .describe('A DSSE envelope, signed with Ed25519.');

export const EvidenceKeyView = z.object({ keyId: z.string(), publicKey: z.string().describe('PEM.') });
