import type { Condition } from './condition.ts';
import { contextConditions } from './context.ts';
import { functionConditions } from './functions.ts';
import { grantConditions } from './grants.ts';
import { keyConditions } from './keys.ts';
import { policyConditions } from './policies.ts';
import { roleConditions } from './roles.ts';
import { sideChannelConditions } from './side-channels.ts';
import { surroundingConditions } from './surroundings.ts';
import { tableConditions } from './tables.ts';
import { versionConditions } from './versions.ts';
import { viewConditions } from './views.ts';

/** All conditions, S01 to S28. */
export const conditions: readonly Condition[] = [
  ...roleConditions,
  ...tableConditions,
  ...policyConditions,
  ...contextConditions,
  ...viewConditions,
  ...functionConditions,
  ...grantConditions,
  ...keyConditions,
  ...surroundingConditions,
  ...sideChannelConditions,
  ...versionConditions,
].toSorted((a, b) => a.id.localeCompare(b.id));
