import { setTimeout } from 'node:timers/promises';
import { BulkheadError, isBulkheadError } from '../../core/errors.ts';
import type { Placement } from '../../core/placement.ts';
import { placementIn, type Scope } from '../../core/scope.ts';
import { TenantBlobs } from './blobs-of.ts';
import { idOfKey, objectPrefixOf, parseContainer, placeOf } from './container.ts';
import { assertServed, readManifest, type Manifest } from './manifest.ts';
import type { UsageBook } from './measure.ts';
import { parseObjectId, toObjectName, type ObjectId } from './names.ts';
import type {
  ObjectPage,
  ObjectQuery,
  ObjectRef,
  ObjectsDeps,
  ObjectsHandle,
  PutOptions,
  StoredObject,
} from './objects.ts';
import { toGivenFacts } from './put-options.ts';
import type { ObjectFacts } from './sealed-format.ts';
import { grantUrl } from './signed-url.ts';

const maxPage = 200;
const readAtOnce = 16;
const patienceMs = 5_000;

interface Served {
  readonly blobs: TenantBlobs;
  readonly manifest: Manifest;
}

/** Opens nothing and holds nothing: each call asks the store anew whether it still serves the tenant. */
export function createHandle(deps: ObjectsDeps, book: UsageBook, scope: Scope): ObjectsHandle {
  const run = createRoute(deps, scope);
  const { tenantId } = scope;
  const toId = (ref: ObjectRef): ObjectId | undefined =>
    'id' in ref ? parseObjectId(ref.id) : deps.keys.idOf(tenantId, toObjectName(ref.name));

  return {
    async put(name, content, options = {}) {
      const given = toGivenFacts(name, options, deps.clock);
      const consumed = { begun: false };
      return await run('write', consumed, async ({ blobs, manifest }) => {
        const { id, facts } = await blobs.write({
          given,
          content: watchBeginning(toIterable(content), consumed, scope.signal),
          maxBytes: toLimit(deps, options),
          admit: ({ sizeBytes }) => book.assertRoom(blobs.placement, manifest, sizeBytes),
        });
        // Stored after the tenant was sealed or its move had paused, it would be lost, or too much: then it is not confirmed.
        assertServed(await readManifest(deps.store, blobs.placement), 'write');
        book.added(blobs.placement, facts.sizeBytes);
        return toStored(id, facts);
      });
    },

    async get(ref) {
      const id = toId(ref);
      if (id === undefined) return undefined;
      return await run('read', undefined, async ({ blobs }) => {
        const trailer = await blobs.stat(id);
        if (trailer === undefined) return undefined;
        return { ...toStored(id, trailer.facts), content: blobs.content(id, trailer) };
      });
    },

    async stat(ref) {
      const id = toId(ref);
      if (id === undefined) return undefined;
      return await run('read', undefined, async ({ blobs }) => {
        const trailer = await blobs.stat(id);
        return trailer === undefined ? undefined : toStored(id, trailer.facts);
      });
    },

    async delete(ref) {
      const id = toId(ref);
      if (id === undefined) return false;
      return await run('write', undefined, async ({ blobs }) => {
        const was = await blobs.delete(id);
        assertServed(await readManifest(deps.store, blobs.placement), 'write');
        return was;
      });
    },

    list: (query = {}) => run('read', undefined, ({ blobs }) => listObjects(deps, blobs, query)),

    grantUrl: (wish) => grantUrl(deps.keys, deps.clock, { tenant: tenantId, wish }),

    [Symbol.asyncDispose]: async () => {},
  };
}

type Run = <T>(
  wish: 'read' | 'write',
  consumed: { readonly begun: boolean } | undefined,
  work: (served: Served) => Promise<T>,
) => Promise<T>;

/** Follows the tenant when it is moved under an open handle. A body that was begun cannot be sent twice: then its sender must. */
function createRoute(deps: ObjectsDeps, scope: Scope): Run {
  const start = placementIn(scope, 'objects');
  return async (wish, consumed, work) => {
    let known = deps.residences.peek(scope.tenantId) ?? start;
    for (let waitedMs = 0, redirections = 0; ;) {
      await deps.assertLive(scope);
      try {
        const blobs = new TenantBlobs(deps.store, deps.keys, known);
        const manifest = await readManifest(deps.store, known);
        assertServed(manifest, wish);
        return await work({ blobs, manifest });
      } catch (cause) {
        if (isBulkheadError(cause, 'foreign_row')) deps.onForeign(scope);
        if (consumed?.begun === true) throw cause;
        const paused = isBulkheadError(cause, 'operation_in_progress');
        if (!paused && !isBulkheadError(cause, 'tenant_inactive')) throw cause;
        const now = (await deps.residences.fresh(scope.tenantId)) ?? known;
        if (now.container !== known.container && redirections < 4) {
          redirections += 1;
          known = now;
        } else {
          if (!paused || waitedMs >= patienceMs) throw cause;
          waitedMs += 50;
          await setTimeout(50, undefined, { signal: scope.signal });
        }
      }
    }
  };
}

async function listObjects(deps: ObjectsDeps, blobs: TenantBlobs, query: ObjectQuery): Promise<ObjectPage> {
  const limit = Math.min(query.limit ?? 50, maxPage);
  const { bucket } = parseContainer(blobs.placement);
  const objects: StoredObject[] = [];
  let after = toStart(blobs.placement, query.cursor);
  for (;;) {
    const page = await deps.store.list(bucket, objectPrefixOf(blobs.placement.tenant), after);
    for (let at = 0; at < page.blobs.length; at += readAtOnce) {
      const batch = page.blobs.slice(at, at + readAtOnce);
      const found = await Promise.all(batch.map(({ key }) => readOne(blobs, key)));
      for (const [index, object] of found.entries()) {
        after = batch[index]?.key ?? after;
        if (object === undefined || !object.name.startsWith(query.prefix ?? '')) continue;
        objects.push(object);
        if (objects.length === limit) return { objects, nextCursor: object.id };
      }
    }
    if (!page.more) return { objects, nextCursor: undefined };
  }
}

async function readOne(blobs: TenantBlobs, key: string): Promise<StoredObject | undefined> {
  const id = parseObjectId(idOfKey(key));
  const trailer = id === undefined ? undefined : await blobs.stat(id);
  return id === undefined || trailer === undefined ? undefined : toStored(id, trailer.facts);
}

function toStart(placement: Placement, cursor: string | undefined): string | undefined {
  if (cursor === undefined) return undefined;
  const id = parseObjectId(cursor);
  if (id === undefined)
    throw new BulkheadError('value_invalid', { field: 'cursor', reason: 'is not one of ours' });
  return placeOf(placement, id).key;
}

function toLimit(deps: ObjectsDeps, { maxBytes }: PutOptions): number {
  return Math.min(deps.limits.maxObjectBytes, maxBytes ?? deps.limits.maxObjectBytes);
}

function toStored(id: ObjectId, facts: ObjectFacts): StoredObject {
  const { updatedAtMs, ...rest } = facts;
  return { id, ...rest, updatedAt: new Date(updatedAtMs) };
}

async function* watchBeginning(
  content: AsyncIterable<Uint8Array>,
  consumed: { begun: boolean },
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  consumed.begun = true;
  for await (const piece of content) {
    if (signal.aborted) throw new BulkheadError('aborted', {}, { cause: signal.reason });
    yield piece;
  }
}

async function* toIterable(
  content: AsyncIterable<Uint8Array> | Uint8Array,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (content instanceof Uint8Array) yield content;
  else yield* content;
}
