import type { Asker, RateLimits } from '../billing/limits/rate-limits.ts';
import type { AdmissionCheck, AdmissionVisit } from './admit.ts';

/** Takes the request from the limits of its tenant, key, user and class of route. */
export function createRateCheck(limits: RateLimits): AdmissionCheck {
  return (tenant, visit) => limits.admit(tenant, toAsker(visit), visit);
}

function toAsker({ actor, keyId, url }: AdmissionVisit): Asker {
  return { keyId, userId: actor.kind === 'user' ? actor.id : undefined, route: toRouteClass(url) };
}

const CLASS = /\/v1\/([a-z0-9_-]{1,64})(?:[/?#]|$)/;

/** The first part of the path after `/v1/`: what a limit of a class of routes is named after. */
function toRouteClass(url: string): string | undefined {
  return CLASS.exec(url)?.[1];
}
