import type { Bulkhead } from '../../bulkhead.ts';
import type { StoredObject } from '../../compartments/objects/objects.ts';
import { BulkheadError } from '../../core/errors.ts';
import type { ObjectView } from '../../client/schemas/objects.ts';
import type { TenantHandlers } from './handler.ts';

type ObjectHandlers = Pick<
  TenantHandlers,
  'putObject' | 'listObjects' | 'getObject' | 'describeObject' | 'deleteObject' | 'signObjectUrl'
>;

export function createObjectHandlers({ objects }: Pick<Bulkhead, 'objects'>): ObjectHandlers {
  return {
    async putObject({ query, upload }, { scope }) {
      const handle = await objects.open(scope);
      const { contentType, content } = upload;
      return toObjectView(
        await handle.put(query.name, content, contentType === undefined ? {} : { contentType }),
      );
    },

    async listObjects({ query }, { scope }) {
      const { limit, prefix, cursor } = query;
      const handle = await objects.open(scope);
      const page = await handle.list({
        limit,
        ...(prefix === undefined ? {} : { prefix }),
        ...(cursor === undefined ? {} : { cursor }),
      });
      return { items: page.objects.map(toObjectView), nextCursor: page.nextCursor ?? null };
    },

    async getObject({ params }, { scope }) {
      return found(await (await objects.open(scope)).get({ id: params.object }));
    },

    async describeObject({ params }, { scope }) {
      return toObjectView(found(await (await objects.open(scope)).stat({ id: params.object })));
    },

    async deleteObject({ params }, { scope }) {
      if (!(await (await objects.open(scope)).delete({ id: params.object })))
        throw new BulkheadError('not_found');
    },

    async signObjectUrl({ body }, { scope }) {
      const { path, expiresAt } = (await objects.open(scope)).grantUrl(body);
      return { path, expiresAt: expiresAt.toISOString() };
    },
  };
}

/** A foreign object and one that never was come here alike: as nothing. */
function found<T>(object: T | undefined): T {
  if (object === undefined) throw new BulkheadError('not_found');
  return object;
}

export function toObjectView(object: StoredObject): ObjectView {
  const { id, name, contentType, sizeBytes, sha256, updatedAt } = object;
  return { id, name, contentType, sizeBytes, sha256, updatedAt: updatedAt.toISOString() };
}
