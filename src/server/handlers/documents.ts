import type { Bulkhead } from '../../bulkhead.ts';
import type { ListQuery, Repository } from '../../compartments/rows/rows.ts';
import { BulkheadError } from '../../core/errors.ts';
import type { TenantId } from '../../core/ids.ts';
import type { Scope } from '../../core/scope.ts';
import type { Input } from '../../client/contract.ts';
import type { DocumentView } from '../../client/schemas/documents.ts';
import type { Reserved } from '../repeatable.ts';
import type { TenantHandlers } from './handler.ts';

type DocumentHandlers = Pick<
  TenantHandlers,
  'createDocument' | 'listDocuments' | 'getDocument' | 'changeDocument' | 'deleteDocument'
>;

type DocumentRow = {
  id: string;
  external_id: string | null;
  title: string;
  content: string;
  metadata: Record<string, unknown>;
  created_at: Date;
  updated_at: Date;
};

export function createDocumentHandlers({
  rows,
  library,
}: Pick<Bulkhead, 'rows' | 'library'>): DocumentHandlers {
  // A handle holds no connection between calls, so there is nothing to close on the way out.
  const open = async (scope: Scope): Promise<Repository<DocumentRow>> =>
    (await rows.open(scope)).table<DocumentRow>('documents');

  return {
    async createDocument({ body }, { scope, reserved }) {
      assertOwnMetadata(body.metadata, scope.tenantId);
      const documents = await open(scope);
      const { title, content, externalId, metadata } = body;
      const known = await findReserved(documents, reserved);
      if (known !== undefined) return toDocumentView(known);
      const row = { title, content, external_id: externalId ?? null, metadata: metadata ?? {} };
      return toDocumentView(
        await documents.create(reserved === undefined ? row : { id: reserved.id, ...row }),
      );
    },

    async listDocuments({ query }, { scope }) {
      const documents = await open(scope);
      const page = await documents.findAll(toListQuery(query));
      return { items: page.rows.map(toDocumentView), nextCursor: page.nextCursor ?? null };
    },

    async getDocument({ params }, { scope }) {
      const documents = await open(scope);
      return toDocumentView(found(await documents.findById(params.document)));
    },

    async changeDocument({ params, body }, { scope }) {
      assertOwnMetadata(body.metadata, scope.tenantId);
      const documents = await open(scope);
      const { externalId, ...rest } = body;
      const change = {
        ...withoutUndefined(rest),
        ...(externalId === undefined ? {} : { external_id: externalId }),
      };
      const before = found(await documents.findById(params.document));
      const row = found(await documents.update(params.document, change));
      await followChange(library, scope, { before, row });
      return toDocumentView(row);
    },

    async deleteDocument({ params }, { scope }) {
      const documents = await open(scope);
      const row = found(await documents.findById(params.document));
      // What is half deleted is not found any more; the row goes last, so that the same call ends it.
      if (row.external_id !== null) await library.forget(scope, row.external_id);
      if (!(await documents.delete(params.document))) throw new BulkheadError('not_found');
    },
  };
}

/** What is found is what the row says: passages follow its text, and go where it goes by another name. */
async function followChange(
  library: Bulkhead['library'],
  scope: Scope,
  { before, row }: { readonly before: DocumentRow; readonly row: DocumentRow },
): Promise<void> {
  const known = before.external_id;
  if (known === null || !(await library.has(scope, known))) return;
  if (row.external_id !== known) await library.forget(scope, known);
  // A file's text is not the row's.
  if (row.external_id === null || row.content === '') return;
  const { title, content, metadata } = row;
  const bytes = Buffer.from(content, 'utf8');
  const contentType = 'text/markdown; charset=utf-8';
  await library.put(scope, { externalId: row.external_id, title, content, metadata, bytes, contentType });
}

/** @returns what an earlier attempt has made. @throws not_found where it made it, and it was deleted since */
async function findReserved(
  documents: Repository<DocumentRow>,
  reserved: Reserved | undefined,
): Promise<DocumentRow | undefined> {
  if (reserved === undefined || reserved.state === 'new') return undefined;
  const row = await documents.findById(reserved.id);
  return reserved.state === 'there' ? found(row) : row;
}

/** A foreign row and one that never was come here alike: as nothing. */
function found(row: DocumentRow | undefined): DocumentRow {
  if (row === undefined) throw new BulkheadError('not_found');
  return row;
}

function toDocumentView(row: DocumentRow): DocumentView {
  return {
    id: row.id,
    externalId: row.external_id,
    title: row.title,
    content: row.content,
    metadata: row.metadata,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  };
}

function toListQuery(query: Input<'listDocuments'>['query']): ListQuery {
  const { limit, cursor, titleStartsWith, externalId, sort } = query;
  const descending = sort.startsWith('-');
  const column = { id: 'id', title: 'title', createdAt: 'created_at' }[sort.replace('-', '')] ?? 'id';
  return {
    limit,
    orderBy: [{ column, direction: descending ? 'desc' : 'asc' }],
    where: {
      ...(titleStartsWith === undefined ? {} : { title: { startsWith: titleStartsWith } }),
      ...(externalId === undefined ? {} : { external_id: externalId }),
    },
    ...(cursor === undefined ? {} : { after: cursor }),
  };
}

/** Metadata that claims another tenant is either a mistake or an attack; stamping over it would hide both. */
export function assertOwnMetadata(
  metadata: Readonly<Record<string, unknown>> | undefined,
  tenant: TenantId,
): void {
  for (const name of ['tenant_id', 'tenantId']) {
    if (metadata === undefined || !Object.hasOwn(metadata, name) || metadata[name] === tenant) continue;
    throw new BulkheadError('value_invalid', {
      field: `metadata.${name}`,
      reason: 'names another tenant than the one that the credential is for',
    });
  }
}

function withoutUndefined<Fields extends object>(
  fields: Fields,
): { [Name in keyof Fields]?: Exclude<Fields[Name], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [Name in keyof Fields]?: Exclude<Fields[Name], undefined>;
  };
}
