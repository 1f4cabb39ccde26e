import type { CallInput, CallOptions, ClientOptions, Transport } from './transport.ts';
import { createSender, createTransport } from './transport.ts';
import { createArchivesClient, type ArchivesClient } from './archives.ts';
import { createObjectsClient, type ObjectsClient } from './objects.ts';
import type { JsonOperationName, Output } from './contract.ts';
import type { DocumentView } from './schemas/documents.ts';
import type { TenantView } from './schemas/tenants.ts';
import type { ChildView } from './schemas/umbrella.ts';

type Body<Name extends JsonOperationName> = CallInput<Name>['body'];
type Query<Name extends JsonOperationName> = CallInput<Name>['query'];

/** Every operation of the HTTP API, typed from the schemas that the server validates by. All throw `BulkheadHttpError`. */
export interface BulkheadClient {
  /** Any operation by its name. */
  readonly call: Transport;
  readonly tenants: {
    create(body: Body<'createTenant'>, options?: CallOptions): Promise<Output<'createTenant'>>;
    list(query?: Query<'listTenants'>, options?: CallOptions): Promise<Output<'listTenants'>>;
    /** All of them, a page at a time. */
    each(query?: Omit<Query<'listTenants'>, 'cursor'>): AsyncIterable<TenantView>;
    /** `tenant` is an id or a slug, here and below. */
    get(tenant: string, options?: CallOptions): Promise<Output<'getTenant'>>;
    change(tenant: string, body: Body<'changeTenant'>): Promise<Output<'changeTenant'>>;
    suspend(tenant: string): Promise<Output<'suspendTenant'>>;
    resume(tenant: string): Promise<Output<'resumeTenant'>>;
  };
  readonly settings: {
    get(tenant: string): Promise<Output<'getSettings'>>;
    change(tenant: string, body: Body<'changeSettings'>): Promise<Output<'changeSettings'>>;
  };
  readonly keys: {
    issue(tenant: string, body: Body<'issueKey'>, options?: CallOptions): Promise<Output<'issueKey'>>;
    list(tenant: string): Promise<Output<'listKeys'>>;
    rotate(tenant: string, key: string, body?: Body<'rotateKey'>): Promise<Output<'rotateKey'>>;
    revoke(tenant: string, key: string): Promise<Output<'revokeKey'>>;
  };
  readonly plans: { list(): Promise<Output<'listPlans'>> };
  readonly operations: {
    get(operation: string): Promise<Output<'getOperation'>>;
    /** The latest first; of all tenants. */
    list(query?: Query<'listOperations'>): Promise<Output<'listOperations'>>;
    listOf(tenant: string, query?: Query<'listTenantOperations'>): Promise<Output<'listTenantOperations'>>;
  };
  readonly servers: {
    list(): Promise<Output<'listServers'>>;
    add(body: Body<'addServer'>): Promise<Output<'addServer'>>;
  };
  /** For the operator: which tenants may read those below them. */
  readonly umbrella: {
    grant(tenant: string, body?: Body<'createGrant'>): Promise<Output<'createGrant'>>;
    list(tenant: string): Promise<Output<'listGrants'>>;
    revoke(tenant: string, grant: string): Promise<Output<'revokeGrant'>>;
  };
  /** What the key's tenant may read of those below it. */
  readonly children: {
    list(query?: Query<'listChildren'>, options?: CallOptions): Promise<Output<'listChildren'>>;
    each(query?: Omit<Query<'listChildren'>, 'cursor'>): AsyncIterable<ChildView>;
    /** `child` is an id or a slug. */
    documents(child: string, query?: Query<'listChildDocuments'>): Promise<Output<'listChildDocuments'>>;
    document(child: string, document: string): Promise<Output<'getChildDocument'>>;
  };
  /** Who above may read the key's tenant. */
  readonly grants: {
    create(body?: Body<'createOwnGrant'>): Promise<Output<'createOwnGrant'>>;
    list(): Promise<Output<'listOwnGrants'>>;
    revoke(grant: string): Promise<Output<'revokeOwnGrant'>>;
  };
  readonly verifications: {
    start(body?: Body<'startVerification'>): Promise<Output<'startVerification'>>;
    list(): Promise<Output<'listVerifications'>>;
    get(verification: string): Promise<Output<'getVerification'>>;
    /** A DSSE envelope, to be checked with `bulkhead evidence verify`. */
    evidence(verification: string, nonce?: string): Promise<Output<'getEvidence'>>;
    evidenceKey(): Promise<Output<'getEvidenceKey'>>;
    readiness(): Promise<Output<'getReadiness'>>;
  };
  me(options?: CallOptions): Promise<Output<'me'>>;
  readonly documents: {
    create(body: Body<'createDocument'>, options?: CallOptions): Promise<Output<'createDocument'>>;
    list(query?: Query<'listDocuments'>, options?: CallOptions): Promise<Output<'listDocuments'>>;
    /** All of them, a page at a time. */
    each(query?: Omit<Query<'listDocuments'>, 'cursor'>): AsyncIterable<DocumentView>;
    get(document: string, options?: CallOptions): Promise<Output<'getDocument'>>;
    change(document: string, body: Body<'changeDocument'>): Promise<Output<'changeDocument'>>;
    delete(document: string): Promise<void>;
  };
  /** Adds or replaces a document by your own id, so that it is found. */
  put(externalId: string, body: Body<'putDocument'>, options?: CallOptions): Promise<Output<'putDocument'>>;
  search(body: Body<'search'>, options?: CallOptions): Promise<Output<'search'>>;
  ask(body: Body<'ask'>, options?: CallOptions): Promise<Output<'ask'>>;
  readonly objects: ObjectsClient;
  readonly archives: ArchivesClient;
}

/** A client of one server with one credential. Holds no connection of its own, so there is nothing to close. */
export function createClient(options: ClientOptions): BulkheadClient {
  const send = createSender(options);
  const call = createTransport(send);
  return {
    call,
    objects: createObjectsClient(send, call),
    archives: createArchivesClient(send, call),
    ...operatorPart(call),
    ...verificationPart(call),
    ...tenantPart(call),
    ...hierarchyPart(call),
  };
}

const nothing = { params: {}, query: undefined, body: undefined } as const;
const ofTenant = (tenant: string) => ({ ...nothing, params: { tenant } });
const ofDocument = (document: string) => ({ ...nothing, params: { document } });

function operatorPart(
  call: Transport,
): Pick<BulkheadClient, 'tenants' | 'settings' | 'keys' | 'plans' | 'operations' | 'servers' | 'umbrella'> {
  const listTenants = (query: Query<'listTenants'> = {}, options?: CallOptions) =>
    call('listTenants', { ...nothing, query }, options);
  return {
    tenants: {
      create: (body, options) => call('createTenant', { ...nothing, body }, options),
      list: listTenants,
      each: (query = {}) => each((cursor) => listTenants({ ...query, cursor })),
      get: (tenant, options) => call('getTenant', ofTenant(tenant), options),
      change: (tenant, body) => call('changeTenant', { ...ofTenant(tenant), body }),
      suspend: (tenant) => call('suspendTenant', ofTenant(tenant)),
      resume: (tenant) => call('resumeTenant', ofTenant(tenant)),
    },
    settings: {
      get: (tenant) => call('getSettings', ofTenant(tenant)),
      change: (tenant, body) => call('changeSettings', { ...ofTenant(tenant), body }),
    },
    keys: {
      issue: (tenant, body, options) => call('issueKey', { ...ofTenant(tenant), body }, options),
      list: (tenant) => call('listKeys', ofTenant(tenant)),
      rotate: (tenant, key, body = {}) => call('rotateKey', { ...nothing, params: { tenant, key }, body }),
      revoke: (tenant, key) => call('revokeKey', { ...nothing, params: { tenant, key } }),
    },
    plans: { list: () => call('listPlans', nothing) },
    operations: {
      get: (operation) => call('getOperation', { ...nothing, params: { operation } }),
      list: (query = {}) => call('listOperations', { ...nothing, query }),
      listOf: (tenant, query = {}) => call('listTenantOperations', { ...ofTenant(tenant), query }),
    },
    servers: {
      list: () => call('listServers', nothing),
      add: (body) => call('addServer', { ...nothing, body }),
    },
    umbrella: {
      grant: (tenant, body = {}) => call('createGrant', { ...ofTenant(tenant), body }),
      list: (tenant) => call('listGrants', ofTenant(tenant)),
      revoke: (tenant, grant) => call('revokeGrant', { ...nothing, params: { tenant, grant } }),
    },
  };
}

function verificationPart(call: Transport): Pick<BulkheadClient, 'verifications'> {
  const of = (verification: string) => ({ ...nothing, params: { verification } });
  return {
    verifications: {
      start: (body = {}) => call('startVerification', { ...nothing, body }),
      list: () => call('listVerifications', nothing),
      get: (verification) => call('getVerification', of(verification)),
      evidence: (verification, nonce) =>
        call('getEvidence', { ...of(verification), query: nonce === undefined ? {} : { nonce } }),
      evidenceKey: () => call('getEvidenceKey', nothing),
      readiness: () => call('getReadiness', nothing),
    },
  };
}

function tenantPart(call: Transport): Pick<BulkheadClient, 'me' | 'documents' | 'put' | 'search' | 'ask'> {
  const listDocuments = (query: Query<'listDocuments'> = {}, options?: CallOptions) =>
    call('listDocuments', { ...nothing, query }, options);
  return {
    me: (options) => call('me', nothing, options),
    put: (externalId, body, options) =>
      call('putDocument', { ...nothing, params: { document: externalId }, body }, options),
    search: (body, options) => call('search', { ...nothing, body }, options),
    ask: (body, options) => call('ask', { ...nothing, body }, options),
    documents: {
      create: (body, options) => call('createDocument', { ...nothing, body }, options),
      list: listDocuments,
      each: (query = {}) => each((cursor) => listDocuments({ ...query, cursor })),
      get: (document, options) => call('getDocument', ofDocument(document), options),
      change: (document, body) => call('changeDocument', { ...ofDocument(document), body }),
      delete: (document) => call('deleteDocument', ofDocument(document)),
    },
  };
}

function hierarchyPart(call: Transport): Pick<BulkheadClient, 'children' | 'grants'> {
  const listChildren = (query: Query<'listChildren'> = {}, options?: CallOptions) =>
    call('listChildren', { ...nothing, query }, options);
  return {
    children: {
      list: listChildren,
      each: (query = {}) => each((cursor) => listChildren({ ...query, cursor })),
      documents: (child, query = {}) =>
        call('listChildDocuments', { params: { child }, query, body: undefined }),
      document: (child, document) => call('getChildDocument', { ...nothing, params: { child, document } }),
    },
    grants: {
      create: (body = {}) => call('createOwnGrant', { ...nothing, body }),
      list: () => call('listOwnGrants', nothing),
      revoke: (grant) => call('revokeOwnGrant', { ...nothing, params: { grant } }),
    },
  };
}

async function* each<Item>(
  list: (
    cursor: string | undefined,
  ) => Promise<{ readonly items: readonly Item[]; readonly nextCursor: string | null }>,
): AsyncGenerator<Item, void, undefined> {
  let cursor: string | undefined;
  do {
    const page = await list(cursor);
    yield* page.items;
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
}
