import { z } from 'zod';

export const LimitsView = z.object({
  counted: z
    .enum(['shared', 'away', 'off'])
    .describe('`away`: the store of limits does not answer, and nobody can say how much is left.'),
  limits: z.array(
    z.object({
      name: z
        .string()
        .describe(
          '`minute`, `day`, `burst`, and with `key.`, `user.` or `route.<class>.` in front what is narrower.',
        ),
      limit: z.int().describe('Requests in the window.'),
      windowS: z.number().describe('Seconds that are counted over; a day is that of the tenant’s time zone.'),
      remaining: z.int(),
      resetS: z.int().describe('Seconds until nothing of it is used.'),
    }),
  ),
});
export type LimitsView = z.output<typeof LimitsView>;
