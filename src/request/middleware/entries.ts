import { BulkheadError } from '../../core/errors.ts';
import type { Scope } from '../../core/scope.ts';
import type { Entry } from '../path.ts';

const entryKey: unique symbol = Symbol('bulkhead.entry');

/** A framework's request, with the entry that our middleware left on it. */
export interface Entered {
  [entryKey]?: Entry;
}

export function keepEntry(request: object, entry: Entry): void {
  (request as Entered)[entryKey] = entry;
}

export function entryOf(request: object): Entry | undefined {
  return (request as Entered)[entryKey];
}

/**
 * The scope of a framework's request (Fastify, Express, or Hono's `c.req.raw`), as an explicit value.
 * @throws scope_missing where the request did not come through the middleware, or came to a public path
 */
export function scopeOf(request: object): Scope {
  const entry = entryOf(request);
  if (entry === undefined) throw new BulkheadError('scope_missing', { hint: 'add the middleware first' });
  return entry.scope;
}
