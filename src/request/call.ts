import type { RequestId } from '../core/ids.ts';

/** The headers that say who calls and for whom. Names are those of the wire; nothing else of a request is looked at. */
export interface CallHeaders {
  readonly authorization: string | undefined;
  readonly 'x-api-key': string | undefined;
  readonly 'x-tenant-id': string | undefined;
  readonly host: string | undefined;
  /** A header of these that came twice. Which copy a proxy or a framework believes is anyone's guess, so none is. */
  readonly repeated: IdentityHeader | undefined;
}

export type IdentityHeader = 'authorization' | 'x-api-key' | 'x-tenant-id' | 'host';

/** One request as the request path sees it, whatever framework received it. */
export interface Call {
  /** Path and query as received: not decoded, not normalised. */
  readonly url: string;
  readonly headers: CallHeaders;
  readonly requestId: RequestId;
  readonly signal: AbortSignal;
}

function toIdentityHeader(name: string): IdentityHeader | undefined {
  // The length decides for almost every header of a request; only a candidate pays for lower-casing.
  switch (name.length) {
    case 4:
      return name === 'host' || name.toLowerCase() === 'host' ? 'host' : undefined;
    case 9:
      return name.toLowerCase() === 'x-api-key' ? 'x-api-key' : undefined;
    case 11:
      return name.toLowerCase() === 'x-tenant-id' ? 'x-tenant-id' : undefined;
    case 13:
      return name.toLowerCase() === 'authorization' ? 'authorization' : undefined;
    default:
      return undefined;
  }
}

/**
 * @param raw names and values in turn, as `http.IncomingMessage.rawHeaders` has them: the parsed `headers` of Node
 * keep the first of two `Authorization` or `Host` headers and hide that there was another.
 */
export function readNodeHeaders(raw: readonly string[]): CallHeaders {
  const found: Record<IdentityHeader, string | undefined> = {
    authorization: undefined,
    'x-api-key': undefined,
    'x-tenant-id': undefined,
    host: undefined,
  };
  let repeated: IdentityHeader | undefined;
  for (let index = 0; index < raw.length; index += 2) {
    const name = toIdentityHeader(raw[index] ?? '');
    if (name === undefined) continue;
    if (found[name] !== undefined) repeated = name;
    found[name] = raw[index + 1] ?? '';
  }
  return { ...found, repeated };
}

/** @param headers of a Fetch request, where repeated headers arrive joined by a comma, which none of ours may contain. */
export function readFetchHeaders(headers: { get(name: string): string | null }): CallHeaders {
  const read = (name: IdentityHeader): string | undefined => headers.get(name) ?? undefined;
  const found = {
    authorization: read('authorization'),
    'x-api-key': read('x-api-key'),
    'x-tenant-id': read('x-tenant-id'),
    host: read('host'),
  };
  const names = Object.keys(found) as readonly IdentityHeader[];
  return { ...found, repeated: names.find((name) => found[name]?.includes(',')) };
}
