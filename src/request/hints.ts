import { isReservedSlug } from '../core/ids.ts';
import { allowed, refused } from '../core/verdict.ts';
import type { Verdict } from '../core/verdict.ts';
import type { Call } from './call.ts';

export type HintSource = 'subdomain' | 'path' | 'header' | 'query';

/** A place of the request names a tenant. It proves nothing: it only narrows, or contradicts, what the credential says. */
export interface Hint {
  readonly source: HintSource;
  /** As sent. Never looked up, only compared with the tenants of the credential. */
  readonly named: string;
}

export interface HintSettings {
  /** The places that are looked at, in this order; all of those that name a tenant must agree. */
  readonly hints: readonly HintSource[];
  readonly baseDomain: string | undefined;
  /** Below this path, and nowhere else, the query parameter `tenant` is a hint. */
  readonly webhookPath: string;
}

/** Host names that are a tenant's own, and its id. */
export type Domains = ReadonlyMap<string, string>;

type HintReader = (call: Call, settings: HintSettings, domains: Domains) => Verdict<string | undefined>;

const absent: Verdict<undefined> = Object.freeze(allowed(undefined));

const readers: Readonly<Record<HintSource, HintReader>> = {
  subdomain: ({ headers }, { baseDomain }, domains) =>
    baseDomain === undefined && domains.size === 0 ? absent : readHost(headers.host, baseDomain, domains),
  path: (call) => {
    const named = readPathTenant(call.url);
    return named === undefined ? absent : allowed(named);
  },
  header: (call) => {
    const named = call.headers['x-tenant-id'];
    return named === undefined ? absent : allowed(named);
  },
  query: (call, settings) => readWebhookQuery(call.url, settings.webhookPath),
};

const PATH_TENANT = /^\/api\/tenants\/([^/]*)/i;
const HOST = /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?\.?$/;
const PORT = /:\d{1,5}$/;

const none: readonly Hint[] = Object.freeze([]);

/** @returns every hint of the request; refused where a place is malformed in a way that no honest client produces */
export function readHints(call: Call, settings: HintSettings, domains: Domains): Verdict<readonly Hint[]> {
  let hints: Hint[] | undefined;
  for (const source of settings.hints) {
    const read = readers[source](call, settings, domains);
    if (read.kind === 'refused') return read;
    if (read.value !== undefined) (hints ??= []).push({ source, named: read.value });
  }
  return allowed(hints ?? none);
}

/**
 * A domain that was shown to be a tenant's names that tenant. A reserved name, the bare domain and any other host name
 * none: the service itself answers there.
 */
function readHost(
  host: string | undefined,
  baseDomain: string | undefined,
  domains: Domains,
): Verdict<string | undefined> {
  if (host === undefined) return absent;
  const bare = host.toLowerCase().replace(PORT, '');
  if (bare.startsWith('[')) return absent;
  if (!HOST.test(bare)) return refused('request_invalid', { field: 'host', reason: 'not a host name' });
  const name = bare.endsWith('.') ? bare.slice(0, -1) : bare;
  const owner = domains.get(name);
  if (owner !== undefined) return allowed(owner);
  if (baseDomain === undefined || !name.endsWith(`.${baseDomain}`)) return absent;
  const label = name.slice(0, -baseDomain.length - 1);
  return isReservedSlug(label) ? absent : allowed(label);
}

/**
 * `/api/tenants/:t/…` as routers match it: case of the fixed part ignored, each segment decoded by itself, once.
 * A segment that decodes to `../x` or does not decode at all is no tenant's name, so it can only disagree.
 */
function readPathTenant(url: string): string | undefined {
  const path = toPath(url);
  if (!path.includes('%')) return PATH_TENANT.exec(path)?.[1];
  const [root, api, tenants, named] = path.split('/', 4).map(decodeSegment);
  return root === '' && api?.toLowerCase() === 'api' && tenants?.toLowerCase() === 'tenants'
    ? named
    : undefined;
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** The part of a request target before its query, as received. */
export function toPath(url: string): string {
  const end = url.search(/[?#]/);
  return end === -1 ? url : url.slice(0, end);
}

function readWebhookQuery(url: string, webhookPath: string): Verdict<string | undefined> {
  const path = toPath(url);
  if (path.length === url.length || !isBelow(path, webhookPath)) return absent;
  const named = new URLSearchParams(url.slice(path.length + 1)).getAll('tenant');
  if (named.length > 1)
    return refused('request_invalid', { field: 'tenant', reason: 'given more than once' });
  return allowed(named[0]);
}

/** By whole segments: `/webhooks-x` is not below `/webhooks`. */
export function isBelow(path: string, parent: string): boolean {
  return path === parent || path.startsWith(`${parent}/`);
}
